"""What a session has changed in its workspace, in the page."""

from __future__ import annotations

from tests.browser import Browser
from tests.flows.axe import grave_findings
from tests.flows.boxprocess import BoxProcess
from tests.flows.page.attending import attending


async def test_files_that_changed_are_shown_with_their_lines(browser: Browser, box: BoxProcess) -> None:
    session = box.new("cat")
    (box.project / "a.txt").write_text("two\n")
    (box.project / "data.bin").write_bytes(bytes(range(256)))
    (box.project / "large.txt").write_text("".join(f"row {number}\n" for number in range(5000)))
    async with attending(browser, box, session["id"]) as (page, _):
        await page.click_named("tab", "Changes")
        await page.sees("3 files, +5001 −1")
        patch = (
            "[...document.querySelectorAll('.patch tr')].map(e => e.className + e.querySelector('.code').textContent)"
        )
        assert await page.evaluate(patch) == ["hunk⋯ ", "removedremoved: -one", "addedadded: +two"]
        assert await page.evaluate("[...document.querySelectorAll('.file')].map(e => e.open)") == [True, False, False]
        await page.click(".file:nth-of-type(2) summary")
        await page.sees("A binary file")
        for colours in ("light", "dark"):
            await page.colours(colours)
            assert await grave_findings(page) == []
        await page.click(".file:nth-of-type(3) summary")
        await page.click_named("button", "Show 5000 lines")
        await page.until("document.querySelectorAll('.patch tr').length > 5000")
        (box.project / "a.txt").write_text("three\n")
        await page.click_named("button", "Look again")
        await page.sees("+three")
