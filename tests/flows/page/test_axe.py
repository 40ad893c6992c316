"""What axe finds on every screen, on a phone and at a desk, in light and dark: nothing that is serious."""

from __future__ import annotations

import pytest

from tests.browser import Browser
from tests.flows.axe import grave_findings
from tests.flows.boxprocess import BoxProcess
from tests.flows.pairedpage import NUMBER, paired_page

PHONE, DESK = (390, 844), (1280, 800)
PLACES = {"sessions": "/", "new": "/new", "devices": "/devices", "box": "/settings"}
CONNECTED = "document.querySelector('.connection')?.dataset.kind === 'open'"


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
async def test_axe_finds_nothing_grave(browser: Browser, box: BoxProcess, size: tuple[int, int]) -> None:
    context = await browser.context()
    page = await context.page()
    await page.resize(*size, mobile=size == PHONE)
    found: list[str] = []

    async def look(name: str) -> None:
        for colours in ("light", "dark"):
            await page.colours(colours)
            found.extend(f"{name}, {colours}: {each}" for each in await grave_findings(page))

    await page.goto(f"{box.ready['urls'][0]}/pair")
    await page.until("document.querySelector('#code') !== null")
    await look("code")
    await page.goto("about:blank")
    await page.goto(box.call("POST", "/v1/pairings", {})[1]["url"])
    await page.until(NUMBER)
    await look("number")
    await page.goto("about:blank")
    await paired_page(context, box, page)
    terminal = box.new("sh", "-c", "printf 'a line\\n'; sleep 600")["id"]
    conversation = box.call("POST", "/v1/code/sessions", {"agent": "echo", "prompt": "ask may I"})[1]["id"]
    for name, path in {**PLACES, "terminal": f"/code/{terminal}", "conversation": f"/code/{conversation}"}.items():
        await page.goto(f"{box.ready['urls'][0]}{path}")
        await page.until(CONNECTED)
        if name == "conversation":
            await page.sees("may I")
        await look(name)
    assert found == []
