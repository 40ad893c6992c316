"""The side of a box's API that asks: ways to a box, requests, streams. Nothing here prints, or reads a command line."""
