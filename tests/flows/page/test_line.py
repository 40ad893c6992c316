"""The line between a page and its box: cut, restarted, gone for good."""

from __future__ import annotations

import signal
from pathlib import Path
from urllib.parse import urlsplit

from tests.browser import Browser, Page
from tests.flows.boxprocess import BoxProcess
from tests.flows.pairedpage import paired_page

OFFLINE = "document.querySelector('.connection')?.textContent.startsWith('Offline since')"
LIVE = "document.querySelector('.connection')?.textContent === 'Live'"


def start_again(box: BoxProcess, url: str) -> None:
    """At the same address, as a service manager does."""
    box.start("--no-create-session-in-dir", "--listen", urlsplit(url).netloc)


async def test_a_supervisor_that_was_killed_and_came_back_is_live_again(
    box: BoxProcess, page: Page, url: str, tmp_path: Path
) -> None:
    await page.click_named("link", "New")
    await page.focus("textarea")
    await page.type("half a sen")
    box.end(signal.SIGKILL)
    await page.until(OFFLINE)
    await page.type("tence")
    start_again(box, url)
    box.new("cat", name="made meanwhile")
    await page.until(LIVE, 40)
    await page.sees("made meanwhile")
    assert await page.evaluate("document.querySelector('textarea').value") == "half a sentence"


async def test_it_is_tried_at_once_when_the_network_returns(box: BoxProcess, page: Page, url: str) -> None:
    box.end(signal.SIGKILL)
    await page.until(OFFLINE)
    await page.offline(True)
    start_again(box, url)
    await page.offline(False)
    await page.until(LIVE)


async def test_a_page_opens_without_its_box_and_says_so(box: BoxProcess, page: Page, url: str) -> None:
    await page.until("navigator.serviceWorker.ready.then(found => found.active?.state === 'activated')")
    box.end(signal.SIGKILL)
    await page.reload()
    await page.until(OFFLINE)
    await page.sees("The box does not answer")
    start_again(box, url)
    await page.until(LIVE, 40)


async def test_only_files_of_the_page_are_kept_by_the_browser(box: BoxProcess, page: Page) -> None:
    box.new("cat", name="private")
    await page.click_named("link", "Devices")
    await page.sees("this device")
    await page.until("navigator.serviceWorker.ready.then(found => found.active?.state === 'activated')")
    kept = await page.evaluate(
        "caches.open('page').then(cache => cache.keys()).then(keys => keys.map(each => new URL(each.url).pathname))"
    )
    assert "/" in kept
    assert [path for path in kept if path != "/" and not path.startswith(("/assets/", "/icons/"))] == []


async def test_two_pages_of_one_browser_are_both_live(browser: Browser, box: BoxProcess, url: str) -> None:
    context = await browser.context()
    first = await paired_page(context, box)
    second = await context.page(f"{url}/devices")
    await second.until(LIVE)
    await first.until(LIVE)
    box.new("cat", name="seen by both")
    await first.sees("seen by both")
    await second.until("document.querySelector('.side')?.textContent.includes('seen by both')")


async def test_a_part_of_the_page_that_did_not_come_comes_when_the_box_is_back(
    box: BoxProcess, page: Page, url: str
) -> None:
    session = box.new("cat", name="subject")["id"]
    await page.sees("subject")
    box.end(signal.SIGKILL)
    await page.click(f"a[href='/code/{session}']")
    await page.until("document.querySelector('[role=alert]') !== null")
    start_again(box, url)
    await page.until("document.querySelector('.attended')?.dataset.line === 'live'", 40)
