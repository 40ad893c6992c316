"""A structured session in the page: what was said and done, as it comes, and what one says, once."""

from __future__ import annotations

from tests.browser import Browser
from tests.flows.axe import grave_findings
from tests.flows.boxprocess import BoxProcess
from tests.flows.page.attending import attending, cut, echo, live, tell_as_worker

TYPED = "document.querySelector('.composer textarea').value"


async def test_what_is_said_while_cut_off_is_said_once(browser: Browser, box: BoxProcess) -> None:
    session = echo(box)
    async with attending(browser, box, session["id"]) as (page, wire):
        await live(page)
        await cut(wire, page)
        await page.focus(".composer textarea")
        await page.type("said in the dark\n")
        await page.sees("Will be sent when the box is reached")
        await page.type("half a sent")
        wire.join()
        await page.reload()
        await live(page)
        await page.until(f"{TYPED} === 'half a sent'")
        await page.until("[...document.querySelectorAll('.item .state')].some(e => e.innerText.endsWith('done'))")
        await page.until("document.querySelector('.unshown') === null")
    said = [update for update in box.events(session["id"]) if update["sessionUpdate"] == "user_message_chunk"]
    assert [update["content"]["text"] for update in said] == ["said in the dark"]


async def test_a_message_waits_for_its_turn_is_called_back_or_stopped(browser: Browser, box: BoxProcess) -> None:
    session = echo(box)
    async with attending(browser, box, session["id"]) as (page, _):
        await page.focus(".composer textarea")
        await page.type("wait 600\n")
        await page.sees("being answered")
        await page.type("second\n")
        await page.sees("Waits for its turn")
        await page.click_named("button", "Cancel")
        await page.sees("Cancelled")
        await page.click_named("button", "Edit")
        await page.until(f"{TYPED} === 'second'")
        await page.click_named("button", "Stop")
        await page.sees("owner stopped the turn")
        await page.click_named("button", "Send")
        await page.until("[...document.querySelectorAll('.item.message .prose')].some(e => e.innerText === 'second')")


async def test_what_an_agent_writes_is_drawn_and_never_run(browser: Browser, box: BoxProcess) -> None:
    prompt = "# Top\n\n**bold** <img src=x onerror=alert(1)> ![pic](https://a.example/p.png) [bad](javascript:alert(1))"
    session = echo(box, prompt=prompt)
    async with attending(browser, box, session["id"]) as (page, _):
        await page.until("document.querySelector('.prose h3')?.innerText === 'Top'")
        assert await page.evaluate("document.querySelector('.prose strong').innerText") == "bold"
        assert await page.evaluate("document.querySelectorAll('.attended img').length") == 0
        links = await page.evaluate("[...document.querySelectorAll('.prose a')].map(a => a.href)")
        assert links == ["https://a.example/p.png"]
        assert "<img src=x onerror=alert(1)>" in await page.evaluate("document.querySelector('.prose').innerText")


async def test_what_an_agent_does_is_folded_with_what_came_of_it(browser: Browser, box: BoxProcess) -> None:
    session = echo(box, worker="remote")
    output = "x" * 100_000 + "the end of it"
    text = {"type": "content", "content": {"type": "text", "text": output}}
    edit = {"type": "diff", "path": "a.py", "oldText": "one\n", "newText": "two\n"}
    steps = [{"content": "look", "status": "completed"}, {"content": "leap", "status": "in_progress"}]
    tell_as_worker(
        box,
        session["id"],
        {"sessionUpdate": "agent_thought_chunk", "content": {"type": "text", "text": "hm"}},
        {"sessionUpdate": "plan", "entries": steps},
        {"sessionUpdate": "tool_call", "toolCallId": "1", "title": "make", "kind": "execute", "status": "pending"},
        {"sessionUpdate": "tool_call_update", "toolCallId": "1", "status": "completed", "content": [text]},
        {"sessionUpdate": "tool_call", "toolCallId": "2", "title": "edit", "status": "failed", "content": [edit]},
        {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "Done."}},
    )
    async with attending(browser, box, session["id"]) as (page, _):
        await page.sees("Done.")
        await page.sees("1 of 2 done")
        assert await page.evaluate("[...document.querySelectorAll('.item')].map(e => e.classList[1])") == [
            *("thought", "plan", "tool", "tool", "message")
        ]
        assert not await page.evaluate("document.body.innerText.includes('xxx')")
        await page.click(".item.tool:nth-of-type(3) summary")
        await page.sees("the end of it")
        await page.click(".item.tool:nth-of-type(4) summary")
        await page.until("document.querySelector('.patch .added .code')?.innerText.endsWith('two')")
        for colours in ("light", "dark"):
            await page.colours(colours)
            assert await grave_findings(page) == []


async def test_what_was_too_large_for_the_stream_is_fetched_when_it_is_asked_for(
    browser: Browser, box: BoxProcess
) -> None:
    session = echo(box, prompt=f"{'word ' * 50_000}the end of it")
    async with attending(browser, box, session["id"]) as (page, _):
        await page.sees("Show all")
        assert not await page.evaluate("document.body.innerText.includes('the end of it')")
        for count in (1, 2):  # what was said, and the same again as its answer
            await page.click(".whole button")
            await page.until(f"document.body.innerText.split('the end of it').length === {count + 1}")
        await page.until("document.querySelector('.whole') === null")


async def test_a_long_conversation_is_read_backwards_page_by_page(browser: Browser, box: BoxProcess) -> None:
    session = echo(box)
    for number in range(150):  # 7 events each
        status, _ = box.call(
            "POST", f"/v1/code/sessions/{session['id']}/commands", {"kind": "prompt", "text": f"n {number}"}
        )
        assert status == 200
    async with attending(browser, box, session["id"]) as (page, _):
        await page.until("document.querySelector('.log')?.innerText.includes('n 149')")
        assert not await page.evaluate("document.querySelector('.log').innerText.includes('n 0\\n')")
        await page.until(
            "(l => { l.scrollTop = 0; return l.innerText.includes('n 0\\n'); })(document.querySelector('.log'))"
        )
        said = await page.evaluate("[...document.querySelectorAll('.item.message .words')].map(e => e.innerText)")
    assert said == [f"n {number}" for number in range(150)]
