from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import sys
from supervisor.app import load
load(with_screen={screen})
import structlog
before = set(sys.modules)
import supervisor.running
print("rich" in sys.modules, sorted(set(sys.modules) - before))
"""


@pytest.mark.parametrize("screen", [True, False])
def test_all_is_loaded_before_anything_runs_and_nothing_to_draw_with_where_nobody_looks(screen: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(screen=screen)], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{screen} []\n"
