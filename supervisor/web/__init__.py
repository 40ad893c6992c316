"""Input and output towards people."""
