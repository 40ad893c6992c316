"""Parts that all tests of the page share: one browser process, one box, and a page of it that is let in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.browser import Browser, Page, open_browser
from tests.chromium import chromium
from tests.flows.boxprocess import BoxProcess, box_process
from tests.flows.pairedpage import paired_page
from tests.supervisor.web.boxes import git


@pytest.fixture(scope="session")
def browser_url() -> Iterator[str]:
    with chromium() as url:
        yield url


@pytest.fixture
async def browser(browser_url: str) -> AsyncIterator[Browser]:
    async with open_browser(browser_url) as browser:
        yield browser


@pytest.fixture
def box(tmp_path: Path) -> Iterator[BoxProcess]:
    """It serves one repository, and has no sessions."""
    project = tmp_path / "app"
    project.mkdir()
    git(project, "init", "-q", "-b", "main")
    (project / "a.txt").write_text("one\n")
    git(project, "add", "a.txt")
    git(project, "commit", "-q", "-m", "begin")
    with box_process(tmp_path, project) as box:
        yield box.start("--no-create-session-in-dir")


@pytest.fixture
def url(box: BoxProcess) -> str:
    url: str = box.ready["urls"][0]
    return url


@pytest.fixture
async def page(browser: Browser, box: BoxProcess) -> AsyncIterator[Page]:
    """The sessions of `box`, live. What it did that nobody sees is looked at when the test is over."""
    page = await paired_page(await browser.context(), box)
    await page.resize(1280, 800)
    await page.sees("Live")
    yield page
    assert page.seen.exceptions == []
    assert [line for line in page.seen.console if "Content Security Policy" in line or "Trusted" in line] == []
