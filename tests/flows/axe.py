"""What axe-core finds wrong with a screen for people who do not use it as its makers do."""

from __future__ import annotations

from pathlib import Path

from tests.browser import Page

AXE = Path("supervisor/web/page/node_modules/axe-core/axe.min.js")
RULES = '{runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}'
GRAVE = """(async () => (await axe.run(document, %s)).violations
  .filter(each => ["serious", "critical"].includes(each.impact))
  .flatMap(each => each.nodes.map(node =>
    `${each.id}: ${node.target.join(" ")} (${node.any[0]?.message ?? each.help})`))
)()"""


async def grave_findings(page: Page) -> list[str]:
    """Findings that axe calls serious or critical. It is put into the page past its policy, by the browser's tools."""
    assert AXE.exists(), "axe-core comes with the tools of the page: python supervisor/web/page/build_page.py"
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text(encoding="utf-8") + "; true")
    found: list[str] = await page.evaluate(GRAVE % RULES)
    return found
