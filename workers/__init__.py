"""What runs once per session: the worker, the zygote it is forked from, and the inspector. Standard library only."""
