"""What the box decides about a remote worker: conversations between people, the box and the worker."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from supervisor.core.ledger import Effect, Ledger
from supervisor.core.waitingcommands import Forget, Keep, Kept
from supervisor.core.workerrecords import Told
from workers.core import commands
from workers.core.agent import Shape
from workers.core.events import Update
from workers.core.lifecycle import State
from workers.core.past import REMEMBERED
from workers.core.session import Order, SetSize, WriteEvent
from workers.errors import Refused

RUN, NEXT_RUN = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
ONE, TWO = "11111111-0000-4000-8000-000000000001", "11111111-0000-4000-8000-000000000002"
FRESH = "ffffffff-0000-4000-8000-000000000001"
ANA = {"person": "ana", "device": None}


class Talk:
    """A ledger, and the journal that its effects make. `at` is the end of the terminal's output."""

    def __init__(self, shape: Shape = Shape.INSIDE) -> None:
        self.shape = shape
        self.ledger = Ledger(shape)
        self.journal: list[dict[str, Any]] = []
        self.files: dict[int, Kept] = {}
        self.sizes: list[tuple[int, int]] = []
        self.at = 0
        self.do(self.ledger.start())

    def do(self, effects: Iterable[Effect]) -> list[str]:
        """Carry the effects out: what was written, in short."""
        written = []
        for effect in effects:
            if isinstance(effect, WriteEvent):
                assert effect.seq == len(self.journal) + 1
                self.journal.append(json.loads(effect.body))
                written.append(short(self.journal[-1]))
            elif isinstance(effect, Keep):
                self.files[effect.kept.number] = effect.kept
            elif isinstance(effect, Forget):
                del self.files[effect.number]
            else:
                self.sizes.append((effect.rows, effect.columns))
        return written

    def ask(self, kind: str, refusal: Refused | None = None, **fields: Any) -> tuple[int, list[str]]:
        wish = {"kind": kind, **fields}
        order = Order(commands.parse(wish), ANA, "person", FRESH, refusal)
        seq, effects = self.ledger.command(order, wish, self.at)
        return seq, self.do(effects)

    def refused(self, kind: str, **fields: Any) -> str:
        with pytest.raises(Refused) as caught:
            self.ask(kind, **fields)
        return caught.value.code

    def begin(self, run: str = RUN) -> list[str]:
        return self.do(self.ledger.begin(run, self.at))

    def tell(self, number: int, kind: str, origin: str = "rc", turn: str | None = None, **fields: Any) -> list[str]:
        update: Update = {"sessionUpdate": kind, **fields}
        return self.do(self.ledger.told(Told(number, origin, turn, update), self.at))

    def runs(self, number: int = 1) -> list[str]:
        return self.tell(number, "_rc/process", state="running", pid=7)

    def output(self, offset: int, data: bytes) -> tuple[list[str], bytes]:
        effects, new = self.ledger.output(offset, data, self.at)
        self.at += len(new)
        return self.do(effects), new

    def crash(self) -> None:
        """A new supervisor reads the journal, and the files."""
        self.ledger = Ledger(self.shape)
        for seq, event in enumerate(self.journal, 1):
            self.ledger.read(seq, json.dumps(event).encode())
        for number, kept in [*self.files.items()]:
            if not self.ledger.keep(Kept.from_json(kept.to_json())):
                del self.files[number]


def short(event: dict[str, Any]) -> str:
    update = event["update"]
    what = update.get("state") or update.get("kind") or update.get("text") or update.get("name") or ""
    who = "" if event["origin"] == "rc" else f"{event['origin']}: "
    return f"{who}{update['sessionUpdate'].removeprefix('_rc/')} {what}".strip()


def test_a_session_starts_with_its_worker_and_ends_with_its_word() -> None:
    talk = Talk()
    assert [short(each) for each in talk.journal] == ["process starting"]
    assert talk.begin() == ["process starting"]
    assert talk.runs() == ["process running"]
    assert talk.tell(2, "_rc/process", state="exited", code=3, signal=None, reason="ended") == ["process exited"]
    last = talk.journal[-1]
    assert last["via"] == "bridge" and last["worker"] == {"number": 2}
    how = {"state": "exited", "code": 3, "signal": None, "reason": "ended", "terminal_offset": 0}
    assert last["update"] == {"sessionUpdate": "_rc/process", **how}
    assert talk.refused("interrupt") == "not_running"
    for late in (lambda: talk.begin(NEXT_RUN), lambda: talk.runs(3), lambda: talk.output(0, b"x")):
        with pytest.raises(Refused) as caught:
            late()
        assert caught.value.code == "not_running"
    assert talk.ledger.tell("info", "too late") == []


def test_a_worker_that_was_lost_with_its_program_says_so() -> None:
    talk = Talk()
    talk.begin()
    assert talk.tell(1, "_rc/process", state="lost", code=None, signal=None, reason="rebooted") == ["process lost"]
    assert talk.journal[-1]["update"]["reason"] == "rebooted"


def test_a_program_that_cannot_be_started_says_why() -> None:
    talk = Talk(Shape.TERMINAL)
    talk.begin()
    how: dict[str, Any] = {"state": "exited", "code": None, "signal": None, "reason": "launch_failed"}
    how["detail"] = "no such program"
    assert talk.tell(1, "_rc/process", **how) == ["process exited"]
    assert talk.journal[-1]["update"]["detail"] == "no such program"


def test_what_comes_twice_is_recorded_once() -> None:
    talk = Talk(Shape.TERMINAL)
    talk.begin()
    assert talk.begin() == []
    talk.runs(4)
    assert talk.runs(4) == talk.runs(2) == []
    assert talk.output(0, b"hello") == ([], b"hello")
    assert talk.output(0, b"hello") == ([], b"")
    assert talk.output(3, b"lo!") == ([], b"!")
    talk.crash()
    assert talk.begin() == talk.runs(4) == [] and talk.ledger.number == 4
    assert talk.output(5, b"!?") == ([], b"?")


def test_output_that_the_worker_has_lost_is_told_and_offsets_go_on() -> None:
    talk = Talk(Shape.TERMINAL)
    talk.begin()
    talk.runs()
    talk.output(0, b"hello")
    (notice,), data = talk.output(105, b"world")
    assert data == b"world" and "could not keep 100 octets" in notice
    talk.crash()
    assert talk.output(105, b"world!") == ([], b"!")
    assert talk.at == len(b"helloworld!")


def test_nothing_is_told_out_of_its_order() -> None:
    talk = Talk()
    for told in (lambda: talk.runs(), lambda: talk.output(0, b"x")):
        with pytest.raises(Refused, match="no run has begun"):
            told()
    talk.begin()
    with pytest.raises(Refused, match="does not run yet"):
        talk.tell(1, "agent_message_chunk", "agent")
    with pytest.raises(Refused, match="does not end so"):
        talk.tell(1, "_rc/process", state="exited", reason="ended")
    talk.runs()
    with pytest.raises(Refused, match="does not end so"):
        talk.tell(2, "_rc/process", state="exited", reason="stopped")
    assert talk.runs(2) == []
    assert [short(each) for each in talk.journal] == ["process starting", "process starting", "process running"]


def test_a_prompt_waits_for_its_turn_and_says_who_said_it() -> None:
    talk = Talk()
    seq, written = talk.ask("prompt", text="hi", message_id=ONE)
    assert written == ["person: command prompt"] and [*talk.files] == [seq]
    assert talk.ask("prompt", text="hi", message_id=ONE) == (seq, [])
    talk.begin()
    talk.runs()
    assert talk.tell(2, "_rc/message_state", message_id=ONE, state="queued") == ["message_state queued"]
    assert talk.do(talk.ledger.done(seq, None)) == [] and [*talk.files] == [seq]
    started = talk.tell(3, "_rc/message_state", message_id=ONE, state="started")
    assert started == ["message_state started", "person: user_message_chunk"] and not talk.files
    assert talk.journal[-1]["by"] == ANA and "via" not in talk.journal[-1]
    assert talk.tell(4, "agent_message_chunk", "agent", turn=ONE) == ["agent: agent_message_chunk"]
    assert talk.journal[-1]["turn"] == ONE
    assert talk.tell(5, "_rc/message_state", message_id=ONE, state="completed") == ["message_state completed"]
    assert talk.tell(6, "_rc/message_state", message_id=ONE, state="cancelled") == []
    assert talk.tell(7, "agent_message_chunk", "agent", turn=ONE) and "turn" not in talk.journal[-1]
    assert talk.tell(8, "state_update", state="idle") == ["state_update idle"]


def test_a_message_is_not_completed_before_it_is_started() -> None:
    talk = Talk()
    talk.ask("prompt", text="hi", message_id=ONE)
    talk.begin()
    talk.runs()
    with pytest.raises(Refused, match="was not started"):
        talk.tell(2, "_rc/message_state", message_id=ONE, state="completed")
    assert talk.tell(2, "_rc/message_state", message_id=ONE, state="cancelled") == ["message_state cancelled"]
    assert not talk.files
    assert talk.tell(3, "_rc/message_state", message_id=TWO, state="queued") == []


def test_a_prompt_without_an_id_gets_one_and_a_terminal_needs_to_have_it_only() -> None:
    talk = Talk(Shape.TERMINAL)
    seq, _ = talk.ask("prompt", text="ls")
    assert talk.files[seq].wish == {"kind": "prompt", "text": "ls", "message_id": FRESH}
    assert talk.journal[-1]["update"]["message_id"] == FRESH
    assert talk.do(talk.ledger.done(seq, None)) == [] and not talk.files
    assert talk.do(talk.ledger.done(seq, None)) == []


def test_what_waits_outlives_the_box() -> None:
    talk = Talk()
    seq, _ = talk.ask("prompt", text="hi", message_id=ONE)
    talk.files[99] = Kept(99, {"kind": "prompt", "text": "never accepted"}, "person", None, TWO)
    talk.crash()
    assert [*talk.files] == [seq] and [each.number for each in talk.ledger.waiting] == [seq]
    talk.begin()
    talk.runs()
    kept = talk.files[seq]
    talk.tell(2, "_rc/message_state", message_id=ONE, state="started")
    talk.files[seq] = kept  # the box was killed before it took the file away
    talk.crash()
    assert not talk.files


def test_the_next_run_gets_what_the_last_had_not_begun() -> None:
    talk = Talk()
    first, _ = talk.ask("prompt", text="one", message_id=ONE)
    second, _ = talk.ask("prompt", text="two", message_id=TWO)
    talk.begin()
    talk.runs()
    talk.tell(2, "_rc/message_state", message_id=ONE, state="started")
    talk.tell(3, "state_update", state="running")
    talk.tell(4, "_rc/message_state", message_id=TWO, state="queued")
    *settled, notice, starting = talk.begin(NEXT_RUN)
    assert settled == ["state_update idle", "message_state cancelled"]
    assert "has begun anew" in notice and starting == "process starting"
    assert [*talk.files] == [second] and talk.ledger.number == 0
    assert talk.runs() == ["process running"]
    assert talk.tell(2, "_rc/message_state", message_id=TWO, state="queued") == ["message_state queued"]
    assert first < second


def test_a_message_whose_command_was_lost_with_the_power_is_not_waited_for() -> None:
    talk = Talk()
    talk.ask("prompt", text="one", message_id=ONE)
    talk.begin()
    talk.runs()
    talk.tell(2, "_rc/message_state", message_id=ONE, state="queued")
    talk.files.clear()
    talk.crash()
    assert talk.begin(NEXT_RUN)[0] == "message_state cancelled"


def test_what_the_worker_refuses_is_told() -> None:
    talk = Talk()
    seq, _ = talk.ask("prompt", text="hi", message_id=ONE)
    no = Refused("rate_limited", "too many wait", "wait")
    told = talk.do(talk.ledger.done(seq, no))
    assert told == ["notice The worker did not take a prompt: too many wait", "message_state cancelled"]
    second, _ = talk.ask("prompt", text="hi", message_id=TWO)
    cancel, _ = talk.ask("cancel_message", message_id=TWO)
    assert talk.files[cancel].wish == {"kind": "cancel_message", "message_id": TWO}
    assert talk.do(talk.ledger.done(cancel, no)) == [] and [*talk.files] == [second]


def test_only_what_waits_can_be_cancelled() -> None:
    talk = Talk()
    assert talk.refused("cancel_message", message_id=ONE) == "not_found"
    seq, _ = talk.ask("prompt", text="hi", message_id=ONE)
    talk.do(talk.ledger.done(seq, Refused("invalid", "no", "")))
    assert talk.refused("cancel_message", message_id=ONE) == "invalid_state"


def test_of_sizes_only_the_last_waits_and_a_size_counts_when_the_worker_has_it() -> None:
    talk = Talk(Shape.TERMINAL)
    talk.ask("resize", rows=30, columns=90)
    seq, _ = talk.ask("resize", rows=40, columns=100)
    assert [*talk.files] == [seq] and talk.sizes == []
    talk.begin()
    talk.runs()
    talk.at = 12
    assert talk.tell(2, "_rc/resized", rows=40, columns=100, terminal_offset=0) == ["resized"]
    assert talk.sizes == [(40, 100)] and talk.journal[-1]["update"]["terminal_offset"] == 12
    assert talk.tell(3, "_rc/notice", level="info", text="hello") == ["notice hello"]


def test_a_name_and_a_lease_are_the_box_s_own() -> None:
    talk = Talk(Shape.TERMINAL)
    assert talk.ask("rename", name="other")[1] == ["person: command rename", "person: renamed other"]
    assert talk.ask("take_lease")[1] == ["person: command take_lease"]
    assert not talk.files


def test_a_refusal_spares_only_what_was_accepted_before() -> None:
    talk = Talk()
    no = Refused("disk_full", "full", "")
    seq, _ = talk.ask("prompt", text="hi", message_id=ONE)
    assert talk.ask("prompt", no, text="hi", message_id=ONE) == (seq, [])
    with pytest.raises(Refused, match="full"):
        talk.ask("prompt", no, text="hi", message_id=TWO)
    with pytest.raises(Refused, match="no program"):
        talk.ask("resize", rows=1, columns=1)


def test_stopping_is_asked_of_the_worker_and_killing_is_not() -> None:
    talk = Talk()
    talk.begin()
    talk.runs()
    seq, written = talk.ask("stop")
    assert written == ["person: command stop", "person: process stopping"] and [*talk.files] == [seq]
    assert talk.ask("stop")[1] == ["person: command stop"]
    assert talk.refused("prompt", text="hi") == "not_running"
    talk.crash()
    talk.do(talk.ledger.done(seq, None))
    assert talk.tell(2, "_rc/process", state="exited", code=0, signal=None, reason="stopped") == ["process exited"]
    assert not talk.files

    talk = Talk()
    talk.ask("prompt", text="hi", message_id=ONE)
    assert talk.do(talk.ledger.end("killed", 0)) == ["message_state cancelled", "process exited"]
    assert talk.journal[-1]["update"]["reason"] == "killed" and "via" not in talk.journal[-1]
    assert talk.do(talk.ledger.start()) == ["process starting"] and talk.ledger.run is None


def test_what_no_worker_has_begun_is_stopped_at_once() -> None:
    talk = Talk()
    assert talk.ask("suspend")[1] == ["person: command suspend", "person: process stopping", "process suspended"]
    assert not talk.files


def test_a_run_that_comes_after_one_that_was_to_end_ends_as_well() -> None:
    talk = Talk()
    talk.begin()
    talk.ask("suspend")
    assert talk.runs() == []
    assert talk.begin(NEXT_RUN) == ["process suspended"]


def test_a_suspended_program_says_so() -> None:
    talk = Talk(Shape.TERMINAL)
    talk.begin()
    talk.runs()
    seq, _ = talk.ask("suspend")
    assert talk.tell(2, "_rc/process", state="suspended", reason="suspended") == ["process suspended"]
    assert not talk.files and seq


def test_an_agent_does_not_end_its_session_by_saying_so() -> None:
    talk = Talk()
    said = {"origin": "agent", "update": {"sessionUpdate": "_rc/process", "state": "exited"}}
    talk.ledger.read(2, json.dumps(said).encode())
    assert talk.ledger.state is State.STARTING and talk.ledger.last_seq == 2


def test_the_memory_of_what_was_begun_is_bounded() -> None:
    talk = Talk()
    body = '{"origin":"rc","update":{"sessionUpdate":"_rc/message_state","message_id":"m%d","state":"completed"}}'
    for number in range(REMEMBERED + 1):
        talk.ledger.read(number + 2, (body % number).encode())
    kept = Kept(2, {"kind": "prompt", "text": "x"}, "person", None, "m0")
    assert talk.ledger.keep(kept)
    assert not talk.ledger.keep(Kept(3, {"kind": "prompt", "text": "x"}, "person", None, "m1"))


def test_a_size_is_an_effect_of_its_own() -> None:
    talk = Talk(Shape.TERMINAL)
    talk.begin()
    effects = talk.ledger.told(Told(1, "rc", None, {"sessionUpdate": "_rc/resized", "rows": 2, "columns": 3}), 0)
    assert effects[0] == SetSize(2, 3)
