"""A session in the page, in a real browser: typed into, cut off, left behind, and never a letter lost."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.browser import Browser, Page, open_browser
from tests.chromium import chromium
from tests.flows.axe import grave_findings
from tests.flows.boxprocess import BoxProcess, box_process
from tests.flows.pairedpage import paired_page
from tests.flows.wire import Wire, open_wire
from tests.supervisor.web.boxes import git

LINES = 3000
# Slow enough to be cut three times, and fewer lines than a terminal keeps.
PRINTS = f"i=0; while [ $i -lt {LINES} ]; do i=$((i+1)); echo line $i; sleep 0.002; done; echo over; exec cat"
TEXT = "document.querySelector('.sheet pre')?.textContent"
LINE = "document.querySelector('.attended')?.dataset.line"
TYPED = "document.querySelector('.composer textarea').value"


@pytest.fixture(scope="module")
def browser_url() -> Iterator[str]:
    with chromium() as url:
        yield url


@pytest.fixture
def box(tmp_path: Path) -> Iterator[BoxProcess]:
    project = tmp_path / "app"
    project.mkdir()
    git(project, "init", "-q")
    (project / "a.txt").write_text("one\n")
    git(project, "add", "-A")
    git(project, "-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "-qm", "first")
    with box_process(tmp_path, project) as box:
        yield box.start("--no-create-session-in-dir")


def echo(box: BoxProcess, **wish: object) -> dict[str, Any]:
    """A structured session."""
    status, session = box.call("POST", "/v1/code/sessions", {"agent": "echo", **wish})
    assert status == 201, session
    found: dict[str, Any] = session
    return found


def tell_as_worker(box: BoxProcess, id: str, *updates: dict[str, Any]) -> None:
    """Events of an agent, from a worker on another machine."""
    path = f"/v1/code/sessions/{id}"
    status, exchange = box.call("POST", f"{path}/bridge", {})
    assert status == 200, exchange
    running = {"sessionUpdate": "_rc/process", "state": "running"}
    told = [("rc", running), *(("agent", update) for update in updates)]
    records = [
        {"type": "event", "number": number, "origin": origin, "update": update}
        for number, (origin, update) in enumerate(told, 1)
    ]
    body = {"records": [{"type": "begin", "run": str(uuid.uuid4())}, *records]}
    connection = http.client.HTTPConnection("box")
    connection.sock = box.connect()
    headers = {"authorization": f"Bearer {exchange['worker_jwt']}", "content-type": "application/json"}
    with contextlib.closing(connection):
        connection.request("POST", f"{path}/worker/events", json.dumps(body), headers)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()


def port_of(box: BoxProcess) -> int:
    url: str = box.ready["urls"][0]
    port = urlsplit(url).port
    assert port is not None
    return port


@contextlib.asynccontextmanager
async def at_session(url: str, box: BoxProcess, id: str) -> AsyncIterator[tuple[Browser, Page, Wire]]:
    """A paired browser that shows the session, at the end of a wire."""
    async with open_wire(port_of(box)) as wire, open_browser(url) as browser:
        page = await paired_page(await browser.context(), box, port=wire.port)
        await page.goto(f"http://127.0.0.1:{wire.port}/code/{id}")
        yield browser, page, wire
        assert page.seen.exceptions == []
        assert [line for line in page.seen.console if "Content Security" in line or "TrustedHTML" in line] == []


async def terminal_text(page: Page) -> str:
    """All that the page's terminal holds, as whoever copies it gets it."""
    await page.click_named("button", "Copy the selection, or show the text to select from")
    text: str = await page.until(TEXT)
    await page.click(".sheet header button")
    return text


async def join(wire: Wire, page: Page) -> None:
    """The network is back, and the browser says so."""
    wire.join()
    await page.evaluate("dispatchEvent(new Event('online'))")
    await live(page)


async def live(page: Page) -> None:
    await page.until(f"{LINE} === 'live'", 40)


async def test_a_terminal_is_whole_after_cuts_and_a_killed_supervisor(browser_url: str, box: BoxProcess) -> None:
    session = box.new("sh", "-c", PRINTS)
    async with at_session(browser_url, box, session["id"]) as (_, page, wire):
        await page.until("document.querySelector('.xterm-rows')?.innerText.includes('line ')")
        wire.cut()
        await page.until(f"{LINE} !== 'live'")
        await join(wire, page)
        box.end(signal.SIGKILL)
        box.start()
        wire.box = port_of(box)
        await live(page)
        await page.until("document.querySelector('.xterm-rows').innerText.includes('over')", 40)
        await page.click(".screen")
        await page.type("typed at last\n")
        await page.until("document.querySelector('.xterm-rows').innerText.split('typed at last').length === 3")
        lines = (await terminal_text(page)).split("\n")
    assert lines == [*(f"line {number + 1}" for number in range(LINES)), "over", "typed at last", "typed at last"]


async def test_what_is_said_while_cut_off_is_said_once(browser_url: str, box: BoxProcess) -> None:
    session = echo(box)
    async with at_session(browser_url, box, session["id"]) as (_, page, wire):
        await live(page)
        wire.cut()
        await page.until(f"{LINE} !== 'live'")
        await page.focus(".composer textarea")
        await page.type("said in the dark\n")
        await page.sees("Will be sent when the box is reached")
        await page.type("half a sent")
        wire.join()
        await page.reload()
        await live(page)
        await page.until(f"{TYPED} === 'half a sent'")
        await page.until("[...document.querySelectorAll('.item .state')].some(e => e.innerText.endsWith('done'))")
        await page.until("document.querySelector('.unshown') === null")
    said = [update for update in box.events(session["id"]) if update["sessionUpdate"] == "user_message_chunk"]
    assert [update["content"]["text"] for update in said] == ["said in the dark"]


async def test_a_message_waits_for_its_turn_is_called_back_or_stopped(browser_url: str, box: BoxProcess) -> None:
    session = echo(box)
    async with at_session(browser_url, box, session["id"]) as (_, page, _):
        await page.focus(".composer textarea")
        await page.type("wait 600\n")
        await page.sees("being answered")
        await page.type("second\n")
        await page.sees("Waits for its turn")
        await page.click_named("button", "Cancel")
        await page.sees("Cancelled")
        await page.click_named("button", "Edit")
        await page.until(f"{TYPED} === 'second'")
        await page.click_named("button", "Stop")
        await page.sees("owner stopped the turn")
        await page.click_named("button", "Send")
        await page.until("[...document.querySelectorAll('.item.message .prose')].some(e => e.innerText === 'second')")


async def test_what_an_agent_writes_is_drawn_and_never_run(browser_url: str, box: BoxProcess) -> None:
    prompt = "# Top\n\n**bold** <img src=x onerror=alert(1)> ![pic](https://a.example/p.png) [bad](javascript:alert(1))"
    session = echo(box, prompt=prompt)
    async with at_session(browser_url, box, session["id"]) as (_, page, _):
        await page.until("document.querySelector('.prose h3')?.innerText === 'Top'")
        assert await page.evaluate("document.querySelector('.prose strong').innerText") == "bold"
        assert await page.evaluate("document.querySelectorAll('.attended img').length") == 0
        links = await page.evaluate("[...document.querySelectorAll('.prose a')].map(a => a.href)")
        assert links == ["https://a.example/p.png"]
        assert "<img src=x onerror=alert(1)>" in await page.evaluate("document.querySelector('.prose').innerText")


async def test_what_an_agent_does_is_folded_with_what_came_of_it(browser_url: str, box: BoxProcess) -> None:
    session = echo(box, worker="remote")
    output = "x" * 300_000 + "the end of it"
    text = {"type": "content", "content": {"type": "text", "text": output}}
    edit = {"type": "diff", "path": "a.py", "oldText": "one\n", "newText": "two\n"}
    steps = [{"content": "look", "status": "completed"}, {"content": "leap", "status": "in_progress"}]
    tell_as_worker(
        box,
        session["id"],
        {"sessionUpdate": "agent_thought_chunk", "content": {"type": "text", "text": "hm"}},
        {"sessionUpdate": "plan", "entries": steps},
        {"sessionUpdate": "tool_call", "toolCallId": "1", "title": "make", "kind": "execute", "status": "pending"},
        {"sessionUpdate": "tool_call_update", "toolCallId": "1", "status": "completed", "content": [text]},
        {"sessionUpdate": "tool_call", "toolCallId": "2", "title": "edit", "status": "failed", "content": [edit]},
        {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "Done."}},
    )
    async with at_session(browser_url, box, session["id"]) as (_, page, _):
        await page.sees("Done.")
        await page.sees("1 of 2 done")
        assert await page.evaluate("[...document.querySelectorAll('.item')].map(e => e.classList[1])") == [
            *("thought", "plan", "tool", "tool", "message")
        ]
        assert not await page.evaluate("document.body.innerText.includes('xxx')")
        await page.click(".item.tool:nth-of-type(3) summary")
        await page.click_named("button", "Show all 293 KiB")
        await page.sees("the end of it")
        await page.click(".item.tool:nth-of-type(4) summary")
        await page.until("document.querySelector('.patch .added .code')?.innerText.endsWith('two')")
        for colours in ("light", "dark"):
            await page.colours(colours)
            assert await grave_findings(page) == []


async def test_files_that_changed_are_shown_with_their_lines(browser_url: str, box: BoxProcess) -> None:
    session = box.new("cat")
    (box.project / "a.txt").write_text("two\n")
    (box.project / "data.bin").write_bytes(bytes(range(256)))
    (box.project / "large.txt").write_text("".join(f"row {number}\n" for number in range(5000)))
    async with at_session(browser_url, box, session["id"]) as (_, page, _):
        await page.click_named("tab", "Changes")
        await page.sees("3 files, +5001 −1")
        patch = (
            "[...document.querySelectorAll('.patch tr')].map(e => e.className + e.querySelector('.code').textContent)"
        )
        assert await page.evaluate(patch) == ["hunk⋯ ", "removedremoved: -one", "addedadded: +two"]
        assert await page.evaluate("[...document.querySelectorAll('.file')].map(e => e.open)") == [True, False, False]
        await page.click(".file:nth-of-type(2) summary")
        await page.sees("A binary file")
        await page.click(".file:nth-of-type(3) summary")
        await page.click_named("button", "Show 5000 lines")
        await page.until("document.querySelectorAll('.patch tr').length > 5000")
        (box.project / "a.txt").write_text("three\n")
        await page.click_named("button", "Look again")
        await page.sees("+three")
        for colours in ("light", "dark"):
            await page.colours(colours)
            assert await grave_findings(page) == []


async def test_a_long_conversation_is_read_backwards_page_by_page(browser_url: str, box: BoxProcess) -> None:
    session = echo(box)
    for number in range(150):  # 7 events each
        status, _ = box.call(
            "POST", f"/v1/code/sessions/{session['id']}/commands", {"kind": "prompt", "text": f"n {number}"}
        )
        assert status == 200
    async with at_session(browser_url, box, session["id"]) as (_, page, _):
        await page.until("document.querySelector('.log')?.innerText.includes('n 149')")
        assert not await page.evaluate("document.querySelector('.log').innerText.includes('n 0\\n')")
        await page.until(
            "(l => { l.scrollTop = 0; return l.innerText.includes('n 0\\n'); })(document.querySelector('.log'))"
        )
        said = await page.evaluate("[...document.querySelectorAll('.item.message .words')].map(e => e.innerText)")
    assert said == [f"n {number}" for number in range(150)]


async def test_one_types_at_a_time_and_the_other_may_take_over(browser_url: str, box: BoxProcess) -> None:
    session = box.new("cat")
    async with at_session(browser_url, box, session["id"]) as (browser, page, wire):
        await page.resize(1280, 800)
        await live(page)
        await page.click(".screen")
        await page.type("mine")
        await page.until("document.querySelector('.xterm-rows').innerText.includes('mine')")
        other = await paired_page(await browser.context(), box, port=wire.port)
        await other.resize(390, 844, mobile=True)
        await other.goto(f"http://127.0.0.1:{wire.port}/code/{session['id']}")
        await other.sees("owner is typing here")
        await other.until("document.querySelector('.xterm-rows').innerText.includes('mine')")
        wide = box.session(session["id"])["terminal"]["columns"]
        assert wide > 80
        await other.click_named("button", "Take over")
        await page.sees("owner is typing here")
        await other.until("!document.body.innerText.includes('is typing here')")
        await other.until("Math.abs(document.querySelector('.screen').scrollWidth - innerWidth) < 2")
        narrow = box.session(session["id"])["terminal"]
        assert narrow["columns"] < 80
        await page.until(f"document.querySelector('.xterm-rows').children.length === {narrow['rows']}")
        await page.type("x")
        await page.sees("Your keys were not sent")
        await other.click(".screen")
        await other.type("theirs")
        await page.until("document.querySelector('.xterm-rows').innerText.includes('minetheirs')")


async def test_the_row_of_keys_types_what_phones_have_not(browser_url: str, box: BoxProcess) -> None:
    session = box.new("cat", "-v")
    async with at_session(browser_url, box, session["id"]) as (_, page, _):
        await live(page)
        for name in ("Esc key", "Up", "Ctrl key"):
            await page.click_named("button", name)
        await page.click(".screen")
        await page.type("ax")
        await page.until("document.querySelector('.xterm-rows').innerText.includes('^[^[[A^Ax')")
        await page.click_named("button", "Control C")
        await page.sees("ended")


async def test_what_a_session_has_changed_is_shown(browser_url: str, box: BoxProcess) -> None:
    session = box.new("cat")
    (box.project / "a.txt").write_text("two\n")
    (box.project / "new.txt").write_text("a new line\n")
    async with at_session(browser_url, box, session["id"]) as (_, page, _):
        await page.click_named("tab", "Changes")
        for text in ("a.txt", "new.txt", "a new line"):
            await page.sees(text)
