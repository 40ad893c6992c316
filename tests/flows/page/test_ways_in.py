"""Ways into the page that are not the short one: a code, another site's link, a second visit, and out again."""

from __future__ import annotations

from tests.browser import Browser, Page
from tests.flows.attacker import site
from tests.flows.boxprocess import BoxProcess
from tests.flows.pairedpage import NUMBER

ALERT = "document.querySelector('[role=alert]') !== null"
ASKS_FOR_CODE = "document.querySelector('#code') !== null"


async def test_a_code_lets_a_browser_in_and_a_wrong_one_does_not(browser: Browser, box: BoxProcess) -> None:
    invitation = box.call("POST", "/v1/pairings", {})[1]
    page = await browser.page(f"{box.ready['urls'][0]}/pair")
    code: str = invitation["code"]
    await page.click_named("textbox", "Code")
    await page.type(code[:7] + ("00" if code[7:] != "00" else "11"))
    await page.press("Enter")
    await page.until(ALERT)
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
    await page.until(ALERT)


async def test_a_page_that_was_paired_is_paired_when_it_is_opened_again(page: Page) -> None:
    await page.reload()
    await page.sees("Live")
    assert await page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]


async def test_a_revoked_browser_is_told_and_can_pair_again(page: Page, box: BoxProcess) -> None:
    device = box.call("GET", "/v1/devices")[1]["devices"][-1]["id"]
    assert box.call("DELETE", f"/v1/devices/{device}")[0] == 200
    await page.until(ASKS_FOR_CODE, seconds=5)


async def test_a_link_on_another_site_opens_the_page(browser: Browser, box: BoxProcess) -> None:
    with site() as port:
        page = await browser.page(f"http://127.0.0.1:{port}/")
        await page.evaluate(f"location.href = {box.ready['urls'][0] + '/code/session_x'!r}; true")
        await page.until(ASKS_FOR_CODE)


async def test_the_address_of_a_session_opens_it_and_starts_nothing(page: Page, box: BoxProcess) -> None:
    session = box.new("sleep", "600", name="looked-at")
    before = len(box.sessions())
    await page.goto(f"{box.ready['urls'][0]}/code/{session['id']}")
    await page.until("document.querySelector('h1')?.textContent.includes('looked-at')")
    assert len(box.sessions()) == before


async def test_a_link_is_taken_by_a_page_that_shows_the_form_already(
    browser: Browser, box: BoxProcess, url: str
) -> None:
    page = await browser.page(f"{url}/pair")
    await page.until(ASKS_FOR_CODE)
    await page.goto(box.call("POST", "/v1/pairings", {})[1]["url"])
    await page.until(NUMBER)
