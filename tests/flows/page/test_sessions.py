"""What people do with sessions in the page, and what they see of what others do."""

from __future__ import annotations

import json
from typing import Any

from tests.browser import Page
from tests.flows.boxprocess import BoxProcess
from tests.supervisor.web.boxes import git
from tests.waiting import until_async

ROWS = "[...document.querySelectorAll('.side .row')].map(row => row.querySelector('.name').textContent)"


def named(box: BoxProcess, name: str) -> dict[str, Any]:
    (found,) = [session for session in box.sessions() if session["name"] == name]
    return found


async def settings(box: BoxProcess, capacity: int, spawn_mode: str) -> bool:
    shown = box.call("GET", "/v1/box")[1]
    return (shown["capacity"], shown["spawn_mode"]) == (capacity, spawn_mode)


async def fill(page: Page, label: str, text: str) -> None:
    """Type into the field of this label, in the place of what is there."""
    labels = "[...document.querySelectorAll('label')]"
    field = f"{labels}.find(each => each.textContent.trim().startsWith({json.dumps(label)}))?.control"
    await page.until(f"(field => field && (field.focus(), field.select(), true))({field})")
    await page.type(text)


async def test_sessions_of_others_come_change_and_go_while_one_looks_on(box: BoxProcess, page: Page) -> None:
    first = box.new("cat", name="first")
    await page.until(f"{ROWS}.join() === 'first'")
    box.new("sh", "-c", "exit 3", name="second")
    await page.sees("ended, exit code 3")
    assert await page.evaluate(ROWS) == ["first", "second"]  # what lives stands before what has ended
    assert box.call("PATCH", f"/v1/code/sessions/{first['id']}", {"name": "renamed"})[0] == 200
    await page.until(f"{ROWS}[0] === 'renamed'")
    assert box.call("POST", f"/v1/code/sessions/{first['id']}/stop", {})[0] == 200
    assert box.call("DELETE", f"/v1/code/sessions/{first['id']}")[0] == 200
    await page.until(f"{ROWS}.join() === 'second'")


async def test_a_filter_leaves_what_holds_all_its_words(box: BoxProcess, page: Page) -> None:
    box.new("cat", name="fix login")
    box.new("cat", name="fix docs", spawn_mode="worktree")
    await page.until(f"{ROWS}.length === 2")
    await page.focus("input[type=search]")
    await page.type("fix rc/")
    await page.until(f"{ROWS}.join() === 'fix docs'")
    await page.type("nothing")
    await page.sees("No session holds these words")


async def test_a_session_is_started_with_what_the_form_says(box: BoxProcess, page: Page) -> None:
    await page.click_named("link", "New")
    await fill(page, "Prompt", "say hello")
    await page.press("Tab", "Tab")  # past the project
    await page.type("echo")
    await page.click("input[value=worktree]")
    await fill(page, "Name", "greeting")
    await fill(page, "Base", "main")
    await page.click_named("button", "Start")
    await page.until("location.pathname.startsWith('/code/session_')")
    session = named(box, "greeting")
    assert (session["agent"], session["spawn_mode"], session["base_ref"]) == ("echo", "worktree", "main")
    await page.sees("say hello")
    assert await page.evaluate("location.pathname") == f"/code/{session['id']}"


async def test_a_refusal_names_its_cause_and_what_to_do_and_nothing_typed_is_lost(box: BoxProcess, page: Page) -> None:
    assert box.call("PATCH", "/v1/box", {"capacity": 1})[0] == 200
    box.new("cat", name="the only one")
    await page.click_named("link", "New")
    await fill(page, "Prompt", "precious words")
    await page.click_named("button", "Start")
    await page.until("document.querySelector('.trouble') !== null")
    assert await page.evaluate("document.querySelectorAll('.trouble p').length") == 2
    assert await page.evaluate("document.querySelector('textarea').value") == "precious words"
    await page.reload()
    await page.until("document.querySelector('textarea')?.value === 'precious words'")


async def verb(page: Page, name: str) -> None:
    await page.click(".menu summary")
    await page.click_named("button", name)


async def test_a_session_goes_through_its_verbs(box: BoxProcess, page: Page, url: str) -> None:
    session = box.new("cat", name="subject")
    await page.goto(f"{url}/code/{session['id']}")
    await verb(page, "Rename…")
    await fill(page, "Name", "another name")
    await page.press("Enter")
    await page.until("document.querySelector('#session').textContent === 'another name'")
    await verb(page, "Suspend")
    await page.sees("suspended")
    assert box.session(session["id"])["state"] == "suspended"
    await verb(page, "Resume")
    await page.until("document.querySelector('.title .state').textContent === 'running'")
    await verb(page, "Stop")
    await page.sees("stopped")
    await verb(page, "Archive")
    await page.until("document.querySelector('#group-archived') !== null")
    await verb(page, "Take out of the archive")
    await page.until("document.querySelector('#group-ended') !== null")
    await verb(page, "Delete…")
    await page.click("dialog button.danger")
    await page.until("location.pathname === '/'")
    assert box.sessions() == []


async def test_what_a_deletion_would_lose_is_listed_and_kept(box: BoxProcess, page: Page, url: str) -> None:
    session = box.new("sh", "-c", "echo precious > new.txt", name="subject", spawn_mode="worktree")
    await page.goto(f"{url}/code/{session['id']}")
    await page.sees("ended")
    await verb(page, "Delete…")
    await page.click("dialog button.danger")
    await page.sees("new.txt")
    await page.click_named("button", "Keep it")
    await page.until("document.querySelector('dialog') === null")
    assert box.session(session["id"])["state"] == "exited"


async def test_a_verb_that_the_box_refuses_says_why(box: BoxProcess, page: Page, url: str) -> None:
    box.new("cat", name="taken")
    session = box.new("cat", name="subject")
    await page.goto(f"{url}/code/{session['id']}")
    await verb(page, "Rename…")
    await fill(page, "Name", "taken")
    await page.press("Enter")
    await page.until("document.querySelector('dialog [role=alert]') !== null")
    await page.press("Escape")
    await page.until("document.querySelector('dialog') === null")
    assert box.session(session["id"])["name"] == "subject"


async def test_the_box_is_set_from_the_page_and_by_others(box: BoxProcess, page: Page) -> None:
    await page.click_named("link", "Box")
    await page.sees("0 of 32 slots used")
    await fill(page, "Capacity", "5")
    await page.press("Enter")
    await page.sees("0 of 5 slots used")
    await page.click_named("radio", "A worktree of their own each with its branch")
    await until_async(lambda: settings(box, 5, "worktree"))
    assert box.call("PATCH", "/v1/box", {"name": "the den"})[0] == 200
    await page.until("document.querySelector('.boxname').textContent === 'the den'")


async def test_projects_are_added_and_taken_away(box: BoxProcess, page: Page) -> None:
    other = box.project.parent / "other"
    other.mkdir()
    git(other, "init", "-q")
    await page.click_named("link", "Box")
    await fill(page, "Serve another directory", f"{other}\n")
    await page.until("document.querySelectorAll('.pane .rows .row').length === 2")
    await page.click_named("button", "Remove other")
    await page.until("document.querySelectorAll('.pane .rows .row').length === 1")
    assert [project["id"] for project in box.call("GET", "/v1/box")[1]["projects"]] == ["app"]


async def test_a_session_that_is_not_there_is_told_so(page: Page, url: str) -> None:
    await page.goto(f"{url}/code/session_none")
    await page.sees("No such session")
    await page.click_named("link", "All sessions")
    await page.until("location.pathname === '/'")
