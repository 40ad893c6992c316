"""Parts that several test modules of the asking side share."""

from __future__ import annotations

from tests.supervisor.cli.conftest import box, odd, served

__all__ = ["box", "odd", "served"]
