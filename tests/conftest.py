"""What holds for all tests."""

from __future__ import annotations

import signal

from hypothesis import settings

# How long an example takes depends on who else is on the machine, and no test here is about that.
settings.register_profile("rc", deadline=None)
settings.load_profile("rc")

# A shell that runs us in its background has us ignore Ctrl-C, and nohup a closed terminal; all that we start would
# inherit that, and much of it is to be ended so.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
