"""A person with a browser who pairs it with a box, by its page: the link is opened, the digits are typed at the box."""

from __future__ import annotations

from urllib.parse import urlsplit

from tests.browser import Context, Page
from tests.flows.boxprocess import BoxProcess

NUMBER = "document.querySelector('.number')?.textContent"


async def paired_page(browser: Context, box: BoxProcess, page: Page | None = None, port: int | None = None) -> Page:
    """The page of a box, let in and showing its sessions; by another port of the loopback, when one is given."""
    status, invitation = box.call("POST", "/v1/pairings", {})
    assert status == 201, invitation
    page = page or await browser.page()
    link = urlsplit(invitation["url"])
    await page.goto(link.geturl() if port is None else link._replace(netloc=f"{link.hostname}:{port}").geturl())
    number = await page.until(NUMBER)
    status, device = box.call("POST", f"/v1/pairings/{invitation['id']}/accept", {"number": number})
    assert status == 200, device
    await page.until("location.pathname === '/'")
    await page.until("document.querySelector('.shell') !== null")
    return page
