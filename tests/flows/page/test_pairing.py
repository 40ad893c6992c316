"""Somebody's browser and a box get to know each other."""

from __future__ import annotations

import signal
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.browser import Browser, Page
from tests.flows.boxprocess import BoxProcess
from tests.flows.pairedpage import NUMBER
from tests.waiting import until

# What the page keeps, read as the page's own code would read it.
KEPT = """new Promise((resolve, reject) => {
  const opening = indexedDB.open("rc");
  opening.onerror = () => reject(opening.error);
  opening.onsuccess = () => {
    const asked = opening.result.transaction("kept").objectStore("kept").get("device");
    asked.onsuccess = () => resolve(asked.result);
  };
})"""


def failing(deed: str) -> str:
    """The browser's store from now on, as far as the pairing that is kept there is concerned."""
    return f"""(() => {{
      const done = IDBObjectStore.prototype.{deed};
      IDBObjectStore.prototype.{deed} = function (name) {{
        if (name === "pairing") throw new Error("the disk is broken");
        return done.call(this, name);
      }};
    }})()"""


def invite(box: BoxProcess) -> dict[str, Any]:
    status, invitation = box.call("POST", "/v1/pairings", {})
    assert status == 201, invitation
    made: dict[str, Any] = invitation
    return made


def accept(box: BoxProcess, invitation: dict[str, Any], number: str) -> int:
    return box.call("POST", f"/v1/pairings/{invitation['id']}/accept", {"number": number})[0]


async def add_a_device(page: Page) -> None:
    await page.click_named("link", "Devices")
    await page.sees("this device")  # the list is there, and moves the button no more
    await page.click_named("button", "Add a device")


def start_anew(box: BoxProcess, url: str, *words: str) -> None:
    box.end(signal.SIGKILL)
    box.start("--no-create-session-in-dir", "--listen", urlsplit(url).netloc, *words)


async def test_the_secret_of_a_link_leaves_the_address_at_once(browser: Browser, box: BoxProcess) -> None:
    invitation = invite(box)
    secret = invitation["url"].partition("#")[2]
    page = await browser.page(invitation["url"])
    await page.until(NUMBER)
    history = await page.call("Page.getNavigationHistory")
    assert [entry["url"] for entry in history["entries"] if secret in entry["url"]] == []
    assert await page.evaluate("location.hash") == ""
    assert [request.url for request in page.seen.requests.values() if secret[:20] in request.url] == []


@pytest.mark.parametrize(("deed", "way_there"), [("get", "reload"), ("delete", "another code")])
async def test_a_browser_whose_store_fails_says_so(
    browser: Browser, box: BoxProcess, deed: str, way_there: str
) -> None:
    page = await browser.page(invite(box)["url"])
    await page.until(NUMBER)
    await page.call("Page.addScriptToEvaluateOnNewDocument", source=failing(deed))
    if way_there == "reload":
        await page.reload()
    else:
        await page.evaluate(failing(deed))
        await page.click_named("button", "Use another code")
    await page.sees("A fault in this page: the disk is broken")
    await page.until("document.querySelector('#code') !== null")
    assert page.seen.exceptions == []


async def test_a_box_with_another_key_is_not_believed(browser: Browser, box: BoxProcess) -> None:
    invitation = invite(box)
    head, _, _ = invitation["url"].rpartition(".")
    page = await browser.page(f"{head}.{'A' * 43}")
    await page.sees("is not the box that made this link")
    assert await page.evaluate(NUMBER) is None
    opened = [each.url for each in page.seen.requests.values() if each.url.endswith("/open")]
    assert opened == []


async def test_who_waits_may_load_the_page_again(browser: Browser, box: BoxProcess) -> None:
    invitation = invite(box)
    page = await browser.page(invitation["url"])
    number = await page.until(NUMBER)
    await page.reload()
    assert await page.until(NUMBER) == number
    assert accept(box, invitation, number) == 200
    await page.sees("Live")


async def test_who_comes_second_with_a_link_is_told_so(browser: Browser, box: BoxProcess) -> None:
    invitation = invite(box)
    first = await browser.page(invitation["url"])
    await first.until(NUMBER)
    second = await browser.page(invitation["url"])
    await second.until("document.querySelector('[role=alert]')?.textContent.length > 20")
    assert await second.evaluate(NUMBER) is None


async def test_nobody_can_read_the_key_and_no_token_is_kept(page: Page) -> None:
    exported = f"{KEPT}.then(d => crypto.subtle.exportKey('pkcs8', d.pair.privateKey)).then(() => 'out', e => e.name)"
    assert await page.evaluate(exported) == "InvalidAccessError"
    assert await page.evaluate(f"{KEPT}.then(d => d.pair.privateKey.extractable)") is False
    assert await page.evaluate("[document.cookie, localStorage.length, sessionStorage.length]") == ["", 0, 0]
    assert await page.evaluate(f"{KEPT}.then(d => Object.keys(d).sort().join())") == "label,pair"


async def test_a_paired_device_lets_another_one_in(browser: Browser, box: BoxProcess, page: Page) -> None:
    await add_a_device(page)
    code = await page.until("document.querySelector('.big')?.textContent")
    other = await browser.page(f"{box.ready['urls'][0]}/pair")
    await other.focus("#code")
    await other.type(f"{code}\n")
    number = await other.until(NUMBER)
    await page.focus("#number")
    await page.type(f"{number}\n")
    await other.sees("Live")
    await page.until("document.querySelectorAll('.pane .rows .row').length === 2")


async def test_an_invitation_that_nobody_looks_at_any_more_is_void(box: BoxProcess, page: Page) -> None:
    def states() -> list[str]:
        return [pairing["state"] for pairing in box.call("GET", "/v1/pairings")[1]["pairings"]]

    await add_a_device(page)
    await page.until("document.querySelector('.big') !== null")
    assert states().count("waiting") == 1
    await page.click_named("button", "Cancel")
    until(lambda: "waiting" not in states())
    await page.click_named("button", "Add a device")
    await page.until("document.querySelector('.big') !== null")
    await page.click_named("link", "New")
    until(lambda: states().count("refused") == 2)


async def test_a_qr_code_is_shown_only_of_an_address_that_others_get_to(box: BoxProcess, page: Page, url: str) -> None:
    await add_a_device(page)
    await page.sees("Nobody on another machine can reach this box")
    await page.until("document.querySelector('.big') !== null")
    assert await page.evaluate("document.querySelector('.qr') === null")
    start_anew(box, url, "--public-url", "https://box.example")
    await page.sees("This link and code are void", 40)
    await page.click_named("button", "Make another")
    await page.until("document.querySelector('.qr') !== null")


async def test_a_link_of_a_box_that_was_started_anew_is_void(box: BoxProcess, page: Page, url: str) -> None:
    await add_a_device(page)
    code = await page.until("document.querySelector('.big')?.textContent")
    start_anew(box, url)
    await page.sees("This link and code are void", 40)
    await page.click_named("button", "Make another")
    assert await page.until("document.querySelector('.big')?.textContent") != code


async def test_who_is_paired_already_does_not_use_up_a_link(box: BoxProcess, page: Page) -> None:
    invitation = invite(box)
    await page.goto("about:blank")
    await page.goto(invitation["url"])
    await page.sees("It is paired already")
    assert await page.evaluate("location.hash") == ""
    await page.click_named("button", "Pair it again by this link")
    assert accept(box, invitation, await page.until(NUMBER)) == 200
    await page.sees("Live")
    assert len(box.call("GET", "/v1/devices")[1]["devices"]) == 2


async def test_the_last_device_revokes_itself(page: Page) -> None:
    await page.click_named("link", "Devices")
    await page.until("document.querySelector('.pane .row') !== null")
    await page.click(".pane .row button")
    await page.click("dialog button.danger")
    await page.sees("was revoked")  # and nothing of the link that it came by
    await page.until("document.querySelector('#code') !== null")
