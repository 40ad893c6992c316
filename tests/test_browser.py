"""The driver of the browser itself, against pages of this module."""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.browser import PageError, open_browser
from tests.chromium import chromium

PAGE = """<!doctype html><meta name="viewport" content="width=device-width"><title>A page</title>
<button id="b" disabled onclick="this.textContent = 'pressed'">Press me</button>
<div id="over" style="position:fixed;inset:0"></div>
<label>Your name <input id="name" onkeydown="log.push(event.key + (event.ctrlKey ? ' with Control' : ''))"></label>
<pre id="out"></pre>
<script>
const log = [];
console.warn("one", 2);
const dark = matchMedia("(prefers-color-scheme: dark)");
</script>"""


class _Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = self.path == "/"
        body = PAGE.encode() if found else b"nothing"
        self.send_response(200 if found else 404)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        if found:
            self.send_header("set-cookie", "who=ana")
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):  # the browser has closed its page meanwhile
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def nobodys_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser_url() -> Iterator[str]:
    with chromium("--host-resolver-rules=MAP somewhere.example 127.0.0.1") as url:
        yield url


async def test_a_value_comes_back_and_a_promise_is_awaited(browser_url: str, site: str) -> None:
    async with open_browser(browser_url) as browser:
        page = await browser.page(site)
        assert await page.evaluate("document.title") == "A page"
        assert await page.evaluate("Promise.resolve({a: [1, null]})") == {"a": [1, None]}


async def test_what_an_expression_throws_is_told(browser_url: str, site: str) -> None:
    async with open_browser(browser_url) as browser:
        page = await browser.page(site)
        with pytest.raises(PageError, match="no such thing"):
            await page.evaluate("Promise.reject(new Error('no such thing'))")


async def test_a_click_waits_until_nothing_lies_over_the_button(browser_url: str, site: str) -> None:
    async with open_browser(browser_url) as browser:
        page = await browser.page(site)
        with pytest.raises(AssertionError, match="Press me"):
            await page.click_named("button", "Press me", seconds=0.05)
        await page.evaluate("b.disabled = false")
        with pytest.raises(AssertionError, match="Press me"):
            await page.click("#b", seconds=0.05)
        await page.evaluate("requestAnimationFrame(() => over.remove())")
        await page.click_named("button", "Press me")
        await page.sees("pressed")


async def test_keys_arrive_as_a_person_presses_them(browser_url: str, site: str) -> None:
    async with open_browser(browser_url) as browser:
        page = await browser.page(site)
        await page.evaluate("over.remove()")
        await page.click_named("textbox", "Your name")
        await page.type("añ1")
        await page.press("Control+c", "ArrowLeft", "Backspace")
        assert await page.evaluate("document.querySelector('#name').value") == "a1"
        assert await page.evaluate("log") == ["a", "ñ", "1", "c with Control", "ArrowLeft", "Backspace"]


async def test_two_contexts_do_not_share_cookies(browser_url: str, site: str) -> None:
    async with open_browser(browser_url) as browser:
        context = await browser.context()
        await context.page(site)
        second = await context.page(f"{site}missing")
        stranger = await browser.page(f"{site}missing")
        assert await second.evaluate("document.cookie") == "who=ana"
        assert await stranger.evaluate("document.cookie") == ""


async def test_console_requests_and_failures_are_collected(browser_url: str, site: str) -> None:
    async with open_browser(browser_url) as browser:
        page = await browser.page(site)
        await page.evaluate("fetch('/missing').then(answer => answer.status)")
        assert "warning: one 2" in page.seen.console
        assert [request.status for request in page.seen.requests.values()][:1] == [200]
        assert {request.url: request.status for request in page.seen.requests.values()}[f"{site}missing"] == 404
        await page.offline(True)
        assert await page.evaluate("fetch('/missing').catch(error => error.name)") == "TypeError"
        await page.until("!navigator.onLine")
        assert [request.failure for request in page.seen.failures][-1] == "net::ERR_INTERNET_DISCONNECTED"
        await page.offline(False)
        assert await page.evaluate("fetch('/missing').then(answer => answer.status)") == 404


async def test_a_page_can_have_the_size_and_colours_of_a_phone_at_night(browser_url: str, site: str) -> None:
    async with open_browser(browser_url) as browser:
        page = await browser.page(site)
        await page.resize(390, 844, mobile=True)
        await page.colours("dark")
        assert await page.evaluate("[innerWidth, innerHeight, dark.matches]") == [390, 844, True]
        assert (await page.screenshot()).startswith(b"\x89PNG")


async def test_flags_reach_the_browser(browser_url: str, site: str) -> None:
    async with open_browser(browser_url) as browser:
        page = await browser.page(site.replace("127.0.0.1", "somewhere.example"))
        assert await page.evaluate("location.hostname") == "somewhere.example"


async def test_an_address_where_nobody_is_says_so(browser_url: str) -> None:
    async with open_browser(browser_url) as browser:
        with pytest.raises(PageError, match="ERR_CONNECTION_REFUSED"):
            await browser.page(f"http://127.0.0.1:{nobodys_port()}/")
