"""Pages of others in the browser of somebody who uses the box: none gets anywhere, and each would without our checks.

A server of the usual carelessness is the control: an attack that does not break it proves nothing about the box.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser import open_browser
from tests.chromium import chromium
from tests.flows.abuse import RESOLVER, TRUSTING, Prey, abuse
from tests.flows.attacker import site
from tests.flows.boxprocess import box_process
from tests.flows.naive_server import naive_server
from tests.flows.pairedpage import paired_page
from tests.supervisor.web.boxes import git


@pytest.fixture
def browser_url() -> Iterator[str]:
    with chromium(RESOLVER, preferences=TRUSTING) as url:
        yield url


@pytest.fixture
def attacker() -> Iterator[int]:
    with site() as port:
        yield port


async def test_a_server_without_checks_is_broken_by_all_that_browsers_let_pass(browser_url: str, attacker: int) -> None:
    with naive_server() as (naive, port, port6):
        async with open_browser(browser_url) as browser:
            await browser.usual.page(f"http://127.0.0.1:{port}/")
            attempts = await abuse(browser.usual, Prey(port, port6, lambda: set(naive.names)), attacker)
    assert [attempt for attempt in attempts if attempt.succeeded == attempt.is_stopped] == []
    assert (len(attempts), sum(attempt.is_stopped for attempt in attempts)) == (67, 6)


async def test_the_box_is_broken_by_none(browser_url: str, attacker: int, tmp_path: Path) -> None:
    project = tmp_path / "app"
    project.mkdir()
    git(project, "init", "-q")
    with box_process(tmp_path, project) as box:
        box.start("--listen", "[::1]:0", "--no-create-session-in-dir")
        port, port6 = (urlsplit(url).port for url in box.ready["urls"])
        assert port is not None and port6 is not None
        invitation = box.call("POST", "/v1/pairings", {})[1]
        prey = Prey(port, port6, lambda: {session["name"] for session in box.sessions()}, invitation["code"])
        async with open_browser(browser_url) as browser:
            page = await paired_page(browser.usual, box)
            attempts = await abuse(browser.usual, prey, attacker)
            box.new("sleep", "600", name="mine")
            await page.sees("mine")  # all the while it was signed in
        assert [attempt for attempt in attempts if attempt.succeeded] == []
        assert len(attempts) == 67
        assert prey.started() == {"mine"}
        pairing = box.call("GET", f"/v1/pairings/{invitation['id']}")[1]
        assert (pairing["state"], pairing["claimed"], pairing["contenders"]) == ("waiting", None, [])
