"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes depends on who else is on the machine, and no test here is about that.
settings.register_profile("rc", deadline=None)
settings.load_profile("rc")
