"""What `rc worker` is made of: one session of a box elsewhere, run here by a worker process as on the box itself."""
