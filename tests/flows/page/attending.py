"""A session of a box in the page of a browser, with a wire between the two; what the tests of a session share."""

from __future__ import annotations

import contextlib
import http.client
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

from tests.browser import Browser, Page
from tests.flows.boxprocess import BoxProcess
from tests.flows.pairedpage import paired_page
from tests.flows.wire import Wire, open_wire

LIVE_SECONDS = 40.0  # the page waits up to 30 between two tries
LINE = "document.querySelector('.attended')?.dataset.line"
ROWS = "(document.querySelector('.xterm-rows')?.innerText ?? '')"
TEXT = "document.querySelector('.sheet pre')?.textContent"


@contextlib.asynccontextmanager
async def attending(browser: Browser, box: BoxProcess, id: str) -> AsyncIterator[tuple[Page, Wire]]:
    """A paired page that shows the session, at the end of a wire."""
    async with open_wire(port_of(box)) as wire:
        page = await another_page(browser, box, wire, id)
        yield page, wire
        assert page.seen.exceptions == []
        assert [line for line in page.seen.console if "Content Security" in line or "Trusted" in line] == []


async def another_page(browser: Browser, box: BoxProcess, wire: Wire, id: str, phone: bool = False) -> Page:
    """One more device at the same session."""
    page = await paired_page(await browser.context(), box, port=wire.port)
    await page.resize(*(390, 844) if phone else (1280, 800), mobile=phone)
    await page.goto(f"http://127.0.0.1:{wire.port}/code/{id}")
    return page


def port_of(box: BoxProcess) -> int:
    url: str = box.ready["urls"][0]
    port = urlsplit(url).port
    assert port is not None
    return port


async def live(page: Page) -> None:
    """Until the session's line is there."""
    await page.until(f"{LINE} === 'live'", LIVE_SECONDS)


async def cut(wire: Wire, page: Page) -> None:
    """The network is gone, and the page has noticed."""
    wire.cut()
    await page.until(f"{LINE} !== 'live'")


async def join(wire: Wire, page: Page) -> None:
    """The network is back, and the browser says so."""
    wire.join()
    await page.evaluate("dispatchEvent(new Event('online'))")
    await live(page)


async def shows(page: Page, text: str) -> None:
    """Until the terminal has these words in view."""
    await page.until(f"{ROWS}.includes({json.dumps(text)})", LIVE_SECONDS)


async def terminal_text(page: Page) -> str:
    """All that the page's terminal holds, as whoever copies it gets it."""
    await page.click_named("button", "Copy the selection, or show the text to select from")
    text: str = await page.until(TEXT)
    await page.click(".sheet header button")
    return text


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
