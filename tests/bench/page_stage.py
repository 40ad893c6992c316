"""The page in a real Chromium: what a person waits for, from `rc serve` to the letter on the screen."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import trio

from tests.bench.scale import Scale
from tests.bench.stage import Place, Round, Values, quantile
from tests.browser import Context, Page, open_browser
from tests.chromium import chromium
from tests.flows.boxprocess import BoxProcess, box_process
from tests.flows.pairedpage import paired_page
from tests.flows.wire import Wire, open_wire

WATCH = Path(__file__).with_name("page_watch.js")
DESK = (1280, 800)
AWAY = 0.4  # seconds each way
LETTERS = "abcdefghijklmnopqrstuvwxyz"
TICKS = "i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.02; done"
PRINTED = "document.querySelector('.xterm-rows').innerText"
# Flat out, the box would soon send the screen instead. At this pace, some 4 MB/s, a page keeps up and draws everything.
PRINTS = """import sys, time
line = "the quick brown fox jumps over the lazy dog\\n"
input()
for _ in range(int(sys.argv[1]) // (900 * len(line))):
    print(line * 900, end="", flush=True)
    time.sleep(0.01)
print("=done=")
input()
"""
SECONDS = 120.0


@contextlib.contextmanager
def page(place: Place) -> Iterator[Round]:
    """One browser for all rounds; each has a box and a profile of its own."""
    with chromium() as url:

        def round_(number: int) -> Values:
            home = place.new_folder(f"page-{number}")
            (home / "app").mkdir()
            with box_process(home, home / "app") as box:
                return trio.run(_round, url, box, place.scale)

        yield round_


async def _round(url: str, box: BoxProcess, scale: Scale) -> Values:
    begun = time.monotonic()
    box.start()  # with a session in its directory, as people have it
    async with open_wire(urlsplit(str(box.ready["urls"][0])).port or 0) as wire, open_browser(url) as browser:
        context = await browser.context()
        shown = await context.page()
        await shown.resize(*DESK)
        await shown.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH.read_text(encoding="utf-8"))
        await paired_page(context, box, shown)
        await shown.until("bench.usable")
        values = {"paired": time.monotonic() - begun}
        values |= await _load(shown, box)
        values |= await _type(shown, box, scale)
        values |= await _print(shown, box, scale)
        values |= await _come_back(context, box, wire)
        return values


async def _load(page: Page, box: BoxProcess) -> Values:
    """A paired browser that has nothing of the page in its cache."""
    await page.call("Network.setCacheDisabled", cacheDisabled=True)
    await page.call("Network.setBypassServiceWorker", bypass=True)
    page.seen.requests.clear()
    await page.goto(str(box.ready["urls"][0]) + "/")
    usable = await page.until("bench.usable")
    paint = await page.until("performance.getEntriesByName('first-contentful-paint')[0]?.startTime")
    first, xterm = _octets(page), sum("xterm" in each.url for each in page.seen.requests.values())
    await page.click(".row")
    await page.until(f"{PRINTED}.trim().length > 0")
    await page.call("Network.setCacheDisabled", cacheDisabled=False)
    sizes = {"first": first / 1024, "all": _octets(page) / 1024, "early xterm": xterm}
    return {"usable": usable, "paint": paint, **sizes}


def _octets(page: Page) -> int:
    """Of the page itself, as they came over the network; what is compressed counts as that."""
    return sum(each.octets for each in page.seen.requests.values() if "/v1/" not in each.url)


async def _attend(page: Page, box: BoxProcess, *command: str, port: int | None = None) -> None:
    url = urlsplit(str(box.ready["urls"][0]))
    origin = f"http://127.0.0.1:{port or url.port}"
    await page.goto(f"{origin}/code/{box.new(*command)['id']}")
    await page.until("document.querySelector('.attended')?.dataset.line === 'live'")
    await page.click(".screen")


async def _type(page: Page, box: BoxProcess, scale: Scale) -> Values:
    await _attend(page, box, "cat")
    waits = []
    for number in range(scale.page_keys):
        if number % 60 == 59:
            await page.press("Enter")
            await page.until(f"{PRINTED}.trim().split('\\n').length % 2 === 0")
        await page.evaluate("bench.awaitGlyph()")
        await page.press(LETTERS[number % len(LETTERS)])
        waits.append(await page.evaluate("bench.glyph"))
    return {"key.p50": quantile(waits, 0.5), "key.p95": quantile(waits, 0.95)}


async def _print(page: Page, box: BoxProcess, scale: Scale) -> Values:
    await _attend(page, box, sys.executable, "-c", PRINTS, str(scale.page_octets))
    await page.evaluate("bench.awaitEnd('=done=')")
    await page.press("Enter")
    with trio.fail_after(SECONDS):
        end = await page.evaluate("bench.end")
    octets = await page.evaluate("bench.octets")
    return {"frame": end["longest"], "print.seconds": end["seconds"], "print.octets": octets / 1e6}


async def _come_back(context: Context, box: BoxProcess, wire: Wire) -> Values:
    """First with the delay on data alone, then with handshakes that take it as well."""
    page = await context.page()
    await page.resize(*DESK)
    await page.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH.read_text(encoding="utf-8"))
    await paired_page(context, box, page, port=wire.port)
    await _attend(page, box, "sh", "-c", TICKS, port=wire.port)
    waits = []
    for handshakes in (False, True):
        await page.until("bench.octets > 0 && document.querySelector('.attended')?.dataset.line === 'live'")
        await page.offline(True)
        wire.cut()
        await page.until("document.querySelector('.attended').dataset.line !== 'live'")
        wire.seconds, wire.shakes_hands = AWAY, handshakes
        await page.evaluate("bench.awaitLife()")
        wire.join()
        await page.offline(False)
        waits.append(await page.evaluate("bench.life"))
        wire.seconds = 0.0
    return {"back": waits[0], "back with handshakes": waits[1]}
