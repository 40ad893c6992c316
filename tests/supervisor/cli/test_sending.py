"""`rc send`: a prompt, and the answer to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.cli.sending import Turn
from tests.supervisor.cli.conftest import Rc
from tests.supervisor.cli.oddbox import OddBox
from tests.supervisor.web.boxes import ServedBox

ONE = "session_0b9c1111-1111-4111-8111-111111111111"


def test_the_answer_is_printed_when_the_turn_has_ended(box: ServedBox, rc: Rc) -> None:
    made = box.new(agent="echo")
    assert rc("send", made["name"], "hello", "you", "--wait").out == "hello you\n"
    told = rc("send", made["name"], "again", "--wait", "--json").json
    assert (told["state"], told["answer"]) == ("completed", "again")


def test_without_waiting_only_the_number_is_told(box: ServedBox, rc: Rc) -> None:
    made = box.new(agent="echo")
    assert rc("send", made["name"], "hello").out == ""
    assert rc("send", made["name"], "hello", "--json").json["seq"] > 0


@pytest.mark.parametrize("words", [("-",), ()])
def test_a_prompt_may_come_on_stdin(box: ServedBox, rc: Rc, words: tuple[str, ...]) -> None:
    made = box.new(agent="echo")
    assert rc("send", made["name"], *words, "--wait", stdin="from a pipe: ü".encode()).out == "from a pipe: ü\n"


def test_a_prompt_may_come_from_a_file(box: ServedBox, rc: Rc, tmp_path: Path) -> None:
    made = box.new(agent="echo")
    (tmp_path / "prompt").write_text("two\nlines\n")
    assert rc("send", made["name"], "--file", str(tmp_path / "prompt"), "--wait").out == "two\nlines\n"


def test_a_file_that_cannot_be_read_is_a_usage_error(rc: Rc, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert rc("send", "x", "--file", str(tmp_path / "none")).code == 2
    assert "not UTF-8" in rc("send", "x", "--file", str(tmp_path / "binary")).err
    assert rc("send", "x", "text", "--file", "f").code == 2


def test_what_is_no_text_is_not_sent(rc: Rc) -> None:
    assert rc("send", "x", "-", stdin=b"\xff").code == 2


def test_a_terminal_has_no_turns_to_wait_for(box: ServedBox, rc: Rc) -> None:
    made = box.new(command=["cat"])
    called = rc("send", made["name"], "hello", "--wait", "--json")
    assert (called.code, called.problem["code"]) == (2, "invalid")
    assert rc("send", made["name"], "hello").code == 0


def test_what_an_agent_says_is_shown_and_not_obeyed(box: ServedBox, rc: Rc) -> None:
    made = box.new(agent="echo")
    assert rc("send", made["name"], "\x1b]0;evil\x07", "--wait").out == "\\x1b]0;evil\\x07\n"


def test_a_turn_that_is_cut_off_is_a_failure(box: ServedBox, rc: Rc) -> None:
    made = box.new(agent="echo")
    called = rc("send", made["name"], "die 3", "--wait")
    assert called.code == 1
    assert "was cancelled" in called.err
    assert rc("send", made["name"], "hello").code == 4


def test_an_answer_that_is_no_longer_kept_is_not_made_up(odd: OddBox, odd_rc: Rc) -> None:
    odd.answer("GET", f"/v1/code/sessions/{ONE}", {"id": ONE, "name": "fix", "terminal": None})
    odd.answer("POST", f"/v1/code/sessions/{ONE}/commands", {"seq": 3})
    odd.events(f"/v1/code/sessions/{ONE}/stream", {"type": "hello"}, {"type": "gap", "from": 1, "to": 9})
    called = odd_rc("send", ONE, "x", "--wait")
    assert called.code == 1
    assert "no longer kept" in called.err


def test_a_turn_takes_only_its_own_words() -> None:
    turn = Turn("m1")

    def tell(**update: object) -> None:
        turn.take({"update": update})

    tell(sessionUpdate="agent_message_chunk", content={"type": "text", "text": "somebody else's"})
    tell(sessionUpdate="_rc/message_state", message_id="m0", state="completed")
    tell(sessionUpdate="_rc/message_state", message_id="m1", state="started")
    tell(sessionUpdate="agent_message_chunk", content={"type": "text", "text": "mine"})
    tell(sessionUpdate="agent_thought_chunk", content={"type": "text", "text": "hm"})
    assert not turn.is_over
    tell(sessionUpdate="_rc/message_state", message_id="m1", state="completed")
    assert turn.is_over
    assert turn.words == ["mine"]


def test_nothing_to_send_is_a_usage_error(odd_rc: Rc) -> None:
    called = odd_rc("send", "s", "")
    assert (called.code, called.err) == (
        2,
        "rc: there is nothing to send; give a TEXT, --file F, or something on stdin\n",
    )
    assert odd_rc("send", "s", stdin=b"").code == 2
