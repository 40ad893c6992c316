"""Requests with an Idempotency-Key, repeated after the supervisor was killed in the middle of them."""

from __future__ import annotations

import http.client
import threading
from pathlib import Path

import pytest

from tests.supervisor.web.boxes import Answer, ServedBox, serving
from tests.waiting import until

ROUTE = "/v1/code/sessions"
WISHES = 6


def ask_for_all(box: ServedBox) -> dict[int, Answer]:
    """One new session per key, all asked for at once; those of them that were answered."""
    answers: dict[int, Answer] = {}

    def ask(number: int) -> None:
        try:
            body = {"name": f"wish-{number}", "command": ["cat"]}
            answers[number] = box.ask("POST", ROUTE, body, {"idempotency-key": f"key-{number}"})
        except (OSError, http.client.HTTPException):
            pass  # the box went away before it could answer

    asking = [threading.Thread(target=ask, args=(number,)) for number in range(WISHES)]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    return answers


@pytest.mark.parametrize("seen", [0, 1, 3])
def test_every_wish_comes_true_once(tmp_path: Path, seen: int) -> None:
    with serving(tmp_path, "--spawn", "worktree") as box:
        killer = threading.Thread(target=_kill_when, args=(box, seen))
        killer.start()
        ask_for_all(box)
        killer.join()
        box.crash()
        answers = ask_for_all(box)
        assert {answer.status for answer in answers.values()} == {201}, answers
        made = {answer.json["id"] for answer in answers.values()}
        there = box.ask("GET", f"{ROUTE}?archived=true").json["sessions"]
        assert {session["id"] for session in there} == made and len(made) == WISHES
        assert {session["state"] for session in there} == {"running"}


def _kill_when(box: ServedBox, seen: int) -> None:
    """Kill the supervisor as soon as so many sessions have a bundle."""
    until(lambda: seen <= len(list((box.state_dir / "sessions").iterdir())))
    box.process.kill()
