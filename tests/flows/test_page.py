"""The page in a real browser, on a real box: in, around, and still there after whatever happens on the way."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.browser import Browser, Page, open_browser
from tests.chromium import chromium
from tests.flows.attacker import site
from tests.flows.axe import grave_findings
from tests.flows.boxprocess import BoxProcess, box_process
from tests.flows.pairedpage import NUMBER, paired_page
from tests.supervisor.web.boxes import git

PHONE, DESK = (390, 844), (1280, 800)


@pytest.fixture(scope="module")
def browser_url() -> Iterator[str]:
    with chromium() as url:
        yield url


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoxProcess]:
    with made_box(tmp_path_factory.mktemp("home")) as box:
        yield box.start("--no-create-session-in-dir")


@contextlib.contextmanager
def made_box(home: Path) -> Iterator[BoxProcess]:
    (home / "app").mkdir()
    git(home / "app", "init", "-q", "-b", "main")
    with box_process(home, home / "app") as box:
        yield box


@pytest.fixture
async def browser(browser_url: str) -> AsyncIterator[Browser]:
    async with open_browser(browser_url) as browser:
        yield browser


async def pair(browser: Browser, box: BoxProcess, size: tuple[int, int] = DESK) -> Page:
    context = await browser.context()
    page = await context.page()
    await page.resize(*size, mobile=size == PHONE)
    return await paired_page(context, box, page)


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


# In


async def test_the_digits_of_a_link_let_a_browser_in(browser: Browser, box: BoxProcess) -> None:
    page = await pair(browser, box)
    await page.sees("Live")
    status, told = box.call("GET", "/v1/devices")
    assert (status, told["devices"][-1]["kind"]) == (200, "browser")
    assert "#" not in await page.evaluate("location.href")


async def test_a_code_does_so_too_and_a_wrong_one_does_not(browser: Browser, box: BoxProcess) -> None:
    invitation = box.call("POST", "/v1/pairings", {})[1]
    page = await browser.page(f"{box.ready['urls'][0]}/pair")
    code: str = invitation["code"]
    await page.click_named("textbox", "Code")
    await page.type(code[:7] + ("00" if code[7:] != "00" else "11"))
    await page.press("Enter")
    await page.until("document.querySelector('[role=alert]') !== null")
    await page.evaluate("document.querySelector('#code').select()")
    await page.type(code.lower())
    await page.press("Enter")
    number = await page.until(NUMBER)
    assert box.call("POST", f"/v1/pairings/{invitation['id']}/accept", {"number": number})[0] == 200
    await page.sees("Live")


async def test_three_wrong_numbers_and_the_page_says_that_it_is_over(browser: Browser, box: BoxProcess) -> None:
    invitation = box.call("POST", "/v1/pairings", {})[1]
    page = await browser.page(invitation["url"])
    number: str = await page.until(NUMBER)
    wrong = str((int(number.replace(" ", "")) + 1) % 10**6).zfill(6)
    for _ in range(3):
        assert box.call("POST", f"/v1/pairings/{invitation['id']}/accept", {"number": wrong})[0] != 200
    await page.until("document.querySelector('[role=alert]') !== null")


async def test_a_page_that_was_paired_is_paired_when_it_is_opened_again(browser: Browser, box: BoxProcess) -> None:
    page = await pair(browser, box)
    await page.reload()
    await page.sees("Live")
    assert await page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]


async def test_a_revoked_browser_is_told_and_can_pair_again(browser: Browser, box: BoxProcess) -> None:
    page = await pair(browser, box)
    await page.sees("Live")
    device = box.call("GET", "/v1/devices")[1]["devices"][-1]["id"]
    assert box.call("DELETE", f"/v1/devices/{device}")[0] == 200
    await page.until("document.querySelector('#code') !== null", seconds=5)


async def test_a_link_on_another_site_opens_the_page(browser: Browser, box: BoxProcess) -> None:
    with site() as port:
        page = await browser.page(f"http://127.0.0.1:{port}/")
        await page.evaluate(f"location.href = {box.ready['urls'][0] + '/code/session_x'!r}; true")
        await page.until("document.querySelector('#code') !== null")


# Around


async def test_sessions_come_and_go_as_they_do_on_the_box(browser: Browser, box: BoxProcess) -> None:
    page = await pair(browser, box)
    session = box.new("sleep", "600", name="made-elsewhere")
    await page.sees("made-elsewhere")
    assert box.call("POST", f"/v1/code/sessions/{session['id']}/stop")[0] == 200
    await page.until("document.querySelector('aside').innerText.includes('Ended')")


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
async def test_a_session_is_started_from_the_page(browser: Browser, box: BoxProcess, size: tuple[int, int]) -> None:
    page = await pair(browser, box, size)
    name = f"from-{size[0]}"
    await page.click_named("link", "New")
    await page.until("document.querySelector('form') !== null")
    await page.click("input[maxlength='64']")
    await page.type(name)
    await page.click_named("button", "Start")
    await page.until("location.pathname.startsWith('/code/session_')")
    (session,) = (each for each in box.sessions() if each["name"] == name)
    assert session["id"] in await page.evaluate("location.pathname")
    assert session["created_by"]["device"] == box.call("GET", "/v1/devices")[1]["devices"][-1]["id"]


async def test_the_address_of_a_session_opens_it_and_starts_nothing(browser: Browser, box: BoxProcess) -> None:
    session = box.new("sleep", "600", name="looked-at")
    page = await pair(browser, box)
    before = len(box.sessions())
    await page.goto(f"{box.ready['urls'][0]}/code/{session['id']}")
    await page.until("document.querySelector('h1')?.textContent.includes('looked-at')")
    assert len(box.sessions()) == before


# After what happens on the way


async def test_a_cut_is_told_and_mended(browser: Browser, box: BoxProcess) -> None:
    page = await pair(browser, box)
    await page.sees("Live")
    await page.offline(True)
    await page.sees("Offline since")
    box.new("sleep", "600", name="meanwhile")
    await page.offline(False)
    await page.sees("meanwhile")
    await page.sees("Live")


async def test_a_supervisor_that_was_killed_is_waited_for(browser_url: str, tmp_path: Path) -> None:
    listen = ("--listen", f"127.0.0.1:{free_port()}", "--no-create-session-in-dir")
    with made_box(tmp_path) as box:
        box.start(*listen)
        box.ready["urls"].reverse()  # the one that stays the same
        session = box.new("sh", name="survivor")
        async with open_browser(browser_url) as browser:
            page = await pair(browser, box)
            await page.sees("survivor")
            box.end(signal.SIGKILL)
            await page.sees("Offline since")
            box.start(*listen)
            await page.sees("Live")
            await page.sees("survivor")
        assert box.session(session["id"])["state"] == "running"


# For everybody


PLACES = {"sessions": "/", "new": "/new", "devices": "/devices", "box": "/settings"}
CONNECTED = "document.querySelector('.connection')?.dataset.kind === 'open'"


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
async def test_axe_finds_nothing_grave(browser: Browser, box: BoxProcess, size: tuple[int, int]) -> None:
    context = await browser.context()
    page = await context.page()
    await page.resize(*size, mobile=size == PHONE)
    found: list[str] = []

    async def look(name: str) -> None:
        for colours in ("light", "dark"):
            await page.colours(colours)
            found.extend(f"{name}, {colours}: {each}" for each in await grave_findings(page))

    await page.goto(f"{box.ready['urls'][0]}/pair")
    await page.until("document.querySelector('#code') !== null")
    await look("code")
    await page.goto("about:blank")
    await page.goto(box.call("POST", "/v1/pairings", {})[1]["url"])
    await page.until(NUMBER)
    await look("number")
    await page.goto("about:blank")
    await paired_page(context, box, page)
    terminal = box.new("sh", "-c", "printf 'a line\\n'; sleep 600")["id"]
    conversation = box.call("POST", "/v1/code/sessions", {"agent": "echo", "prompt": "ask may I"})[1]["id"]
    for name, path in {**PLACES, "terminal": f"/code/{terminal}", "conversation": f"/code/{conversation}"}.items():
        await page.goto(f"{box.ready['urls'][0]}{path}")
        await page.until(CONNECTED)
        if name == "conversation":
            await page.sees("may I")
        await look(name)
    assert found == []
