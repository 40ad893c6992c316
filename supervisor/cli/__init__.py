"""The command line: one module per group of verbs, and none is imported before it is asked for."""

from __future__ import annotations

from supervisor.cli.program import main

__all__ = ["main"]
