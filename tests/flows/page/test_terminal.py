"""A session's terminal in the page: typed into, cut off, left behind, and never a letter lost."""

from __future__ import annotations

import signal

from tests.browser import Browser
from tests.flows.boxprocess import BoxProcess
from tests.flows.page.attending import ROWS, another_page, attending, cut, join, live, port_of, shows, terminal_text
from tests.flows.pairedpage import paired_page

LINES = 3000
# Slow enough to be cut twice, and fewer lines than a terminal keeps.
PRINTS = f"i=0; while [ $i -lt {LINES} ]; do i=$((i+1)); echo line $i; sleep 0.002; done; echo over; exec cat"


async def test_a_terminal_is_whole_after_cuts_and_a_killed_supervisor(browser: Browser, box: BoxProcess) -> None:
    session = box.new("sh", "-c", PRINTS)
    async with attending(browser, box, session["id"]) as (page, wire):
        await shows(page, "line ")
        await cut(wire, page)
        await join(wire, page)
        box.end(signal.SIGKILL)
        box.start()
        wire.box = port_of(box)
        await live(page)
        await shows(page, "over")
        await page.click(".screen")
        await page.type("typed at last\n")
        await page.until("document.querySelector('.xterm-rows').innerText.split('typed at last').length === 3")
        lines = (await terminal_text(page)).split("\n")
    assert lines == [*(f"line {number + 1}" for number in range(LINES)), "over", "typed at last", "typed at last"]


async def test_one_types_at_a_time_and_the_other_may_take_over(browser: Browser, box: BoxProcess) -> None:
    session = box.new("cat")
    async with attending(browser, box, session["id"]) as (page, wire):
        await live(page)
        await page.click(".screen")
        await page.type("mine")
        await shows(page, "mine")
        other = await another_page(browser, box, wire, session["id"], phone=True)
        await other.sees("owner is typing here")
        await shows(other, "mine")
        wide = box.session(session["id"])["terminal"]["columns"]
        assert wide > 80
        await other.click_named("button", "Take over")
        await page.sees("owner is typing here")
        await other.until("!document.body.innerText.includes('is typing here')")
        await other.until("Math.abs(document.querySelector('.screen').scrollWidth - innerWidth) < 2")
        narrow = box.session(session["id"])["terminal"]
        assert narrow["columns"] < 80
        await page.until(f"document.querySelector('.xterm-rows').children.length === {narrow['rows']}")
        await page.type("x")
        await page.sees("Your keys were not sent")
        await other.click(".screen")
        await other.type("theirs")
        await shows(page, "minetheirs")


async def test_the_row_of_keys_types_what_phones_have_not(browser: Browser, box: BoxProcess) -> None:
    session = box.new("cat", "-v")
    async with attending(browser, box, session["id"]) as (page, _):
        await live(page)
        for name in ("Esc key", "Up", "Ctrl key"):
            await page.click_named("button", name)
        await page.click(".screen")
        await page.type("ax")
        await shows(page, "^[^[[A^Ax")
        await page.click_named("button", "Control C")
        await page.sees("ended")


async def test_what_was_asked_long_ago_is_not_answered_again(browser: Browser, box: BoxProcess) -> None:
    session = box.new("sh", "-c", r"printf 'asked \033[c\033[6n\n'; read x; printf '\033[c'; exec cat -v")
    async with attending(browser, box, session["id"]) as (page, _):
        await shows(page, "asked")
        await page.click(".screen")
        await page.type("now\n")
        await shows(page, "^[[?1;2c")  # of the question that came while somebody looked
        assert box.output(session["id"]).count(b"^[[") == 1


async def test_who_cannot_follow_after_a_cut_gets_the_screen_as_it_is(browser: Browser, box: BoxProcess) -> None:
    session = box.new(
        "sh", "-c", "read x; yes 0123456789012345678901234567890123456789 | head -c 40000000; echo over; exec cat"
    )
    async with attending(browser, box, session["id"]) as (page, wire):
        await live(page)
        await page.click(".screen")
        await page.type("x")
        await shows(page, "x")
        await cut(wire, page)
        await join(wire, page)
        lines = len(page.seen.websockets)
        await page.click(".screen")
        await page.type("\n")
        await shows(page, "over")
        await page.type("and on\n")
        await shows(page, "and on\nand on")
        assert len(page.seen.websockets) > lines  # it left the line that would have told all


async def test_whoever_has_no_mouse_gets_out_of_a_terminal(browser: Browser, box: BoxProcess) -> None:
    session = box.new("cat", "-v")
    async with attending(browser, box, session["id"]) as (page, _):
        await live(page)
        await page.focus(".screen textarea")
        await page.press("Tab")
        await page.type("x")
        await shows(page, "x")
        assert await page.evaluate("document.activeElement.tagName") == "TEXTAREA"
        await page.press("Control+F6")
        assert await page.evaluate("document.activeElement.innerText") == "Esc"
        await page.press("Enter")
        await shows(page, "x^[")


async def test_what_is_selected_is_copied_and_not_typed(browser: Browser, box: BoxProcess) -> None:
    session = box.new("sh", "-c", "echo select me https://a.example/x; exec cat")
    async with attending(browser, box, session["id"]) as (page, _):
        await shows(page, "select me")
        await page.evaluate("navigator.clipboard.writeText = async text => { window.copied = text }")
        x, y = await page.evaluate(
            "(b => [b.x + 4, b.y + 8])(document.querySelector('.xterm-rows').getBoundingClientRect())"
        )
        for count in (1, 2):
            for kind in ("mousePressed", "mouseReleased"):
                await page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=count)
        await page.press("Control+Shift+c")
        await page.until("window.copied === 'select'")
        assert box.output(session["id"]).count(b"^C") == 0


async def test_a_line_that_was_written_while_cut_off_is_typed_once(browser: Browser, box: BoxProcess) -> None:
    session = box.new("cat")
    async with attending(browser, box, session["id"]) as (page, wire):
        await live(page)
        await page.click_named("button", "Line")
        await page.focus(".composer textarea")
        await page.type("by line\n")
        await shows(page, "by line\nby line")
        await cut(wire, page)
        await page.type("in the dark\n")
        await page.sees("Will be sent when the box is reached")
        await join(wire, page)
        await shows(page, "in the dark\nin the dark")
        await page.until("document.querySelector('.unshown') === null")
        assert box.output(session["id"]).count(b"in the dark") == 2


async def test_keys_without_a_line_are_said_to_be_lost(browser: Browser, box: BoxProcess) -> None:
    session = box.new("cat")
    async with attending(browser, box, session["id"]) as (page, wire):
        await live(page)
        await cut(wire, page)
        await page.click(".screen")
        await page.type("lost")
        await page.sees("what you type is not kept")
        await join(wire, page)
        await page.until("!document.body.innerText.includes('not kept')")
        resized = [update for update in box.events(session["id"]) if update["sessionUpdate"] == "_rc/resized"]
        # That of the place when it was opened; asked for again, when the cut was quicker than its answer.
        assert len({(update["rows"], update["columns"]) for update in resized}) == 1
        await page.type("kept\n")
        await shows(page, "kept\nkept")
        assert b"lost" not in box.output(session["id"])


async def test_a_screen_reader_is_read_what_the_terminal_prints(browser: Browser, box: BoxProcess) -> None:
    session = box.new("sh", "-c", "echo printed before; exec cat")
    async with attending(browser, box, session["id"]) as (page, _):
        await shows(page, "printed before")
        await page.click_named("button", "Read aloud")
        await page.until("document.querySelector('.xterm-accessibility-tree')?.innerText.includes('printed before')")
        await page.focus(".screen textarea")
        await page.type("and now\n")
        await page.until("document.querySelector('.live-region')?.innerText.includes('and now')")


async def test_a_session_that_is_resumed_goes_on_in_its_terminal(browser: Browser, box: BoxProcess) -> None:
    session = box.new("sh", "-c", "echo begins; read x; exit 3")
    path = f"/v1/code/sessions/{session['id']}"
    async with attending(browser, box, session["id"]) as (page, _):
        await shows(page, "begins")
        await page.click(".screen")
        await page.type("\n")
        await page.sees("exit code 3")
        await page.type("nobody is there")
        await page.until("document.querySelector('.lease .trouble') !== null")
        await page.click_named("button", "Dismiss")
        status, resumed = box.call("POST", f"{path}/resume", {})
        assert status == 200, resumed
        await page.until(f"{ROWS}.split('begins').length === 3")
        await page.sees("running")


async def test_a_terminal_whose_part_of_the_page_does_not_come_says_so(browser: Browser, box: BoxProcess) -> None:
    session = box.new("sh", "-c", "echo here at last; exec cat")
    page = await paired_page(await browser.context(), box)
    await page.call("Network.setBlockedURLs", urls=["*/assets/xterm*"])
    await page.goto(f"{box.ready['urls'][0]}/code/{session['id']}")
    await page.sees("A fault in this page")
    await page.call("Network.setBlockedURLs", urls=[])
    await page.click_named("button", "Load the page again")
    await shows(page, "here at last")
    assert page.seen.exceptions == []
