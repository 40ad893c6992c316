"""What lets a page in stands in no address, in no Referer, and in nothing that the box or the page keeps."""

from __future__ import annotations

import json
from pathlib import Path

from tests.browser import Browser, Page
from tests.flows.boxprocess import BoxProcess
from tests.flows.canaries import Canaries
from tests.flows.pairedpage import NUMBER
from tests.waiting import until_async

STORED = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, history.length, location.href])"


async def test_the_secrets_of_a_page_are_in_no_address_and_kept_nowhere(
    browser: Browser, box: BoxProcess, tmp_path: Path
) -> None:
    canaries = Canaries()
    invitation = box.call("POST", "/v1/pairings", {})[1]
    canaries.keep("secret of the link", invitation["url"].partition("#")[2].partition(".")[0])
    page = await browser.page(invitation["url"])
    number = await page.until(NUMBER)
    assert box.call("POST", f"/v1/pairings/{invitation['id']}/accept", {"number": number})[0] == 200
    await page.sees("No sessions yet")
    session = box.new("cat")["id"]
    await page.click(f"a[href='/code/{session}']")
    await page.until("document.querySelector('.attended')?.dataset.line === 'live'")
    await page.click(".screen")
    await page.type("typed\n")
    await page.until("document.querySelector('.xterm-rows')?.innerText.split('typed').length === 3")
    await page.click_named("tab", "Changes")

    async def signed_in() -> set[str]:
        return _tokens(page)

    for number, secret in enumerate([*await until_async(signed_in), *_tickets(page)]):
        canaries.keep(f"token or ticket {number}", secret)
    assert len(canaries.names) >= 4  # the link, a token, the box's stream, the session's
    _look_at_addresses(page, canaries)
    canaries.look_at("what the page keeps", (await page.evaluate(STORED)).encode())
    canaries.look_at_files([tmp_path])
    assert canaries.found == set()


def _tokens(page: Page) -> set[str]:
    headers = [item for request in page.seen.requests.values() for item in request.headers.items()]
    return {value.removeprefix("DPoP ") for name, value in headers if name.lower() == "authorization"}


def _tickets(page: Page) -> set[str]:
    headers = [item for handshake in page.seen.handshakes for item in handshake.items()]
    offered = [value for name, value in headers if name.lower() == "sec-websocket-protocol"]
    return {each.partition("ticket.")[2] for each in offered}


def _look_at_addresses(page: Page, canaries: Canaries) -> None:
    requests = list(page.seen.requests.values())
    canaries.look_at("an address", json.dumps([*(each.url for each in requests), *page.seen.websockets]).encode())
    referers = [
        value for each in requests for name, value in each.headers.items() if name.lower() == "referer" and value
    ]
    assert referers == []
