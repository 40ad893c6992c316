"""What the page weighs, how soon it is of use, that it keeps to its policy, and that it needs no mouse."""

from __future__ import annotations

from urllib.parse import urlsplit

from tests.browser import Browser, Page
from tests.flows.boxprocess import BoxProcess
from tests.flows.pairedpage import NUMBER

LOADED_OCTETS = 350 * 1024  # of all that there is, a session's terminal included
FIRST_OCTETS = 60 * 1024  # for the list of sessions

ROW = "document.querySelector('.side .row')"
# The address that has the focus after each Tab, until it is this one.
FOCUSED = "document.activeElement?.getAttribute('href') ?? document.activeElement?.tagName"


async def test_the_page_is_light_and_comes_from_the_box_alone(box: BoxProcess, page: Page, url: str) -> None:
    session = box.new("cat", name="subject")
    await page.goto(f"{url}/code/{session['id']}")
    await page.until("document.querySelector('.xterm-rows, .xterm-screen') !== null")
    for place in ("/new", "/devices", "/settings"):
        await page.goto(f"{url}{place}")
        await page.sees("Live")
    asked = page.seen.requests.values()
    assert {urlsplit(request.url).netloc for request in asked if request.url.startswith("http")} == {
        urlsplit(url).netloc
    }
    files = {request.url: request.octets for request in asked if "/v1/" not in request.url}
    assert sum(files.values()) <= LOADED_OCTETS, files


async def test_the_first_screen_needs_no_terminal_and_little_else(browser: Browser, box: BoxProcess, url: str) -> None:
    box.new("cat", name="subject")
    context = await browser.context()
    page = await context.page(box.call("POST", "/v1/pairings", {})[1]["url"])
    number = await page.until(NUMBER)
    (pairing,) = [each.url.split("/")[-2] for each in page.seen.requests.values() if each.url.endswith("/open")]
    assert box.call("POST", f"/v1/pairings/{pairing}/accept", {"number": number})[0] == 200
    await page.until(f"{ROW} !== null")
    await page.call("Network.setCacheDisabled", cacheDisabled=True)
    await page.call("Network.setBypassServiceWorker", bypass=True)
    page.seen.requests.clear()
    await page.goto(f"{url}/")
    await page.until(f"{ROW} !== null")
    files = {each.url: each.octets for each in page.seen.requests.values() if "/v1/" not in each.url}
    assert [name for name in files if "xterm" in name] == []
    assert sum(files.values()) <= FIRST_OCTETS, files


async def test_text_becomes_no_part_of_the_page(page: Page) -> None:
    assert await page.evaluate(
        "(() => { try { document.body.innerHTML = '<b>x</b>' } catch (e) { return e.name } })()"
    ) == ("TypeError")
    register = "navigator.serviceWorker.register('/assets/x.js').then(() => 'in', e => e.name)"
    assert await page.evaluate(register) == "TypeError"
    page.seen.console.clear()  # the browser has said the same there, which is what was asked for


async def test_a_browser_would_install_it(page: Page) -> None:
    manifest = await page.call("Page.getAppManifest")
    assert manifest["errors"] == []
    assert manifest["url"].endswith("/manifest.webmanifest")
    errors = (await page.call("Page.getInstallabilityErrors"))["installabilityErrors"]
    assert [error["errorId"] for error in errors if error["errorId"] != "in-incognito"] == []


async def tab_to(page: Page, what: str) -> None:
    for _ in range(40):
        await page.press("Tab")
        if await page.evaluate(FOCUSED) == what:
            return
    raise AssertionError(f"{what} is never reached")


async def test_everything_is_reached_by_keyboard_and_one_sees_where_one_is(box: BoxProcess, page: Page) -> None:
    await tab_to(page, "/new")
    assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    await page.press("Enter")
    await page.until("location.pathname === '/new'")
    assert await page.evaluate("document.activeElement.id") == "pane"
    await tab_to(page, "TEXTAREA")
    await page.type("by hand")
    for _ in range(3):
        await page.press("Tab")
    assert await page.evaluate("document.activeElement.type") == "radio"
    await page.press("ArrowDown")
    assert await page.evaluate("document.activeElement.value") == "worktree"
    await page.press("Tab")
    await page.type("typed")
    await page.press("Enter")
    await page.until("location.pathname.startsWith('/code/session_')")
    (session,) = box.sessions()
    assert (session["name"], session["spawn_mode"]) == ("typed", "worktree")
    await tab_to(page, "SUMMARY")
    await page.press("Enter")
    await page.until("document.querySelector('.menu').open")
    await page.press("Escape")
    assert await page.evaluate("[document.querySelector('.menu').open, document.activeElement.tagName]") == [
        False,
        "SUMMARY",
    ]


async def test_who_wants_no_motion_gets_none(box: BoxProcess, page: Page) -> None:
    await page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    box.new("cat", name="subject")
    await page.until(f"{ROW} !== null")
    moving = "document.getAnimations().length"
    assert await page.evaluate(moving) == 0


async def test_nothing_is_wider_than_a_phone(box: BoxProcess, page: Page, url: str) -> None:
    box.new("cat", name="a name that is as long as names may become")
    await page.resize(390, 844, mobile=True)
    for place in ("/", "/new", "/devices", "/settings", f"/code/{box.sessions()[0]['id']}"):
        await page.goto(f"{url}{place}")
        await page.until(
            "document.querySelector('.connection')?.dataset.kind === 'open' || location.pathname.length > 20"
        )
        assert await page.evaluate("document.documentElement.scrollWidth") == 390, place
