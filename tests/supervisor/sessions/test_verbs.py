import shutil
from pathlib import Path

import pytest
import trio

from supervisor.core.access import OWNER
from supervisor.core.claims import Deed
from supervisor.core.hold import Hold, Turn
from tests.supervisor.sessions.livebox import (
    LiveBox,
    bundles,
    end_all,
    is_running,
    live_box,
    output,
    spec_of,
    until_true,
)
from workers.core.lifecycle import State
from workers.errors import Refused
from workers.journalread import read_events


def kinds(box: LiveBox, session_id: str) -> list[bytes]:
    directory = box.registry.get(session_id).bundle.directory
    return [body for _seq, _at, body in read_events(directory, 0).records]


async def test_stop_returns_when_it_has_happened_and_twice_changes_nothing(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("sh", "-c", "sleep 600")
        await box.verbs.stop(session, OWNER)
        assert session.facts.exit is not None and session.facts.exit["reason"] == "stopped"
        seq = session.facts.last_seq
        await box.verbs.stop(session, OWNER)
        assert session.facts.last_seq == seq


async def test_stop_ends_a_session_whose_worker_is_silent(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("sh", "-c", "sleep 600")
        session.turn(Turn.SILENCE)
        await box.verbs.stop(session, OWNER)
        assert session.facts.exit == {"code": None, "signal": None, "reason": "killed"}


async def test_a_session_that_is_still_being_made_is_not_stopped_and_holds_nobody(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = box.register(spec_of(tmp_path, "sleep", "600"))
        async with box.claims.on(session, Deed.MAKE):
            with pytest.raises(Refused) as refused, trio.fail_after(5):
                await box.verbs.stop(session, OWNER)
        assert refused.value.code == "invalid_state"
        assert session.hold is Hold.FREE


async def test_a_suspended_session_goes_on_in_the_same_numbering(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("sh", "-c", "echo begun; sleep 600")
        with session.hub.looking():
            await until_true(session, lambda: session.hub.end > 0)
        await box.verbs.suspend(session, OWNER)
        assert session.facts.state is State.SUSPENDED
        assert any(b"_rc/notice" in body for body in kinds(box, session.id)), "it says what is lost"
        await until_true(session, lambda: box.slots.used == 0)
        seq, history = session.facts.last_seq, session.facts.history
        await box.verbs.suspend(session, OWNER)
        assert session.facts.last_seq == seq
        await box.verbs.resume(session, OWNER)
        assert is_running(session) and box.slots.used == 1
        assert session.facts.history == history and session.facts.last_seq > seq
        with session.hub.looking():
            await until_true(session, lambda: session.hub.end > len("begun\r\n"))
        assert await output(session) == b"begun\r\nbegun\r\n"
        numbers = [seq for seq, _at, _body in read_events(session.bundle.directory, 0).records]
        assert numbers == list(range(1, len(numbers) + 1))
        await end_all(box)


async def test_only_an_ended_session_resumes_and_only_a_running_one_is_suspended(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("sh", "-c", "sleep 600")
        with pytest.raises(Refused) as refused:
            await box.verbs.resume(session, OWNER)
        assert refused.value.code == "invalid_state"
        await box.verbs.stop(session, OWNER)
        with pytest.raises(Refused) as refused:
            await box.verbs.suspend(session, OWNER)
        assert refused.value.code == "invalid_state"


async def test_resume_needs_a_slot_a_directory_and_a_command_that_is_there(tmp_path: Path) -> None:
    async with live_box(tmp_path, capacity=1) as box:
        program = tmp_path / "program"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        session = await box.start(str(program))
        await until_true(session, lambda: session.ended and box.slots.used == 0)
        other = await box.start("sh", "-c", "sleep 600")
        with pytest.raises(Refused) as refused:
            await box.verbs.resume(session, OWNER)
        assert refused.value.code == "at_capacity"
        await box.verbs.stop(other, OWNER)
        await until_true(other, lambda: box.slots.used == 0)
        program.unlink()
        with pytest.raises(Refused) as refused:
            await box.verbs.resume(session, OWNER)
        assert refused.value.code == "launch_failed"
        assert session.ended and box.slots.used == 0


async def test_names_are_unique_and_an_ended_session_can_be_renamed(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        one, two = [await box.start("sh", "-c", "sleep 600") for _ in range(2)]
        await box.verbs.rename(one, "first", OWNER)
        await box.verbs.rename(one, "first", OWNER)
        assert one.facts.name == "first"
        with pytest.raises(Refused) as refused:
            await box.verbs.rename(two, "first", OWNER)
        assert refused.value.code == "name_taken"
        await box.verbs.stop(two, OWNER)
        await until_true(two, lambda: two in box.ended)
        await box.verbs.rename(two, "second", OWNER)
        assert two.facts.name == "second"
        assert kinds(box, two.id)[-1].endswith(b'"update":{"sessionUpdate":"_rc/renamed","name":"second"}}')
        await end_all(box)


async def test_what_has_ended_can_be_put_away_and_brought_back(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("sh", "-c", "sleep 600")
        with pytest.raises(Refused) as refused:
            await box.verbs.archive(session, OWNER)
        assert refused.value.code == "invalid_state"
        await box.verbs.stop(session, OWNER)
        await until_true(session, lambda: session in box.ended)
        await box.verbs.archive(session, OWNER)
        await box.verbs.archive(session, OWNER)
        assert session.facts.archived and session.facts.name not in box.registry.names_taken()
        with pytest.raises(Refused) as refused:
            await box.verbs.resume(session, OWNER)
        assert refused.value.code == "invalid_state"
        await box.verbs.restore(session.id, OWNER)
        assert not session.facts.archived
        with pytest.raises(Refused):
            await box.verbs.restore(session.id, OWNER)


async def test_what_is_deleted_is_gone_and_comes_back_as_it_was(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("sh", "-c", "exit 3")
        await until_true(session, lambda: session in box.ended)
        await box.verbs.rename(session, "fix", OWNER)
        answer = await box.verbs.delete(session, OWNER)
        assert answer == {"archived_ref": None, "trash": None, "restorable_until": None}
        assert session.gone and list(box.registry) == [] and bundles(tmp_path) == []
        other = await box.start("sleep", "600")
        await box.verbs.rename(other, "fix", OWNER)
        with pytest.raises(Refused) as refused:
            await box.verbs.restore(session.id, OWNER)
        assert refused.value.code == "name_taken"
        await box.verbs.rename(other, "other", OWNER)
        back = await box.verbs.restore(session.id, OWNER)
        assert (back.facts.name, back.facts.exit) == ("fix", {"code": 3, "signal": None, "reason": "ended"})
        assert kinds(box, session.id)[-1].endswith(b'"update":{"sessionUpdate":"_rc/restored"}}')
        await end_all(box)


async def test_only_the_last_of_archive_and_delete_is_undone(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("true")
        await until_true(session, lambda: session in box.ended)
        await box.verbs.archive(session, OWNER)
        await box.verbs.delete(session, OWNER)
        back = await box.verbs.restore(session.id, OWNER)
        assert back.facts.archived
        assert not (await box.verbs.restore(session.id, OWNER)).facts.archived


async def test_a_running_session_is_not_deleted(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("sleep", "600")
        with pytest.raises(Refused) as refused:
            await box.verbs.delete(session, OWNER)
        assert refused.value.code == "kept" and is_running(session)
        assert not box.claims.holds(session.id)
        await end_all(box)


async def test_a_session_whose_bundle_somebody_took_away_can_be_deleted_and_restored(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("sh", "-c", "exit 3")
        await until_true(session, lambda: session in box.ended)
        await box.verbs.rename(session, "fix", OWNER)
        shutil.rmtree(session.bundle.directory)
        await box.verbs.delete(session, OWNER)
        assert session.gone and list(box.registry) == [] and bundles(tmp_path) == []
        back = await box.verbs.restore(session.id, OWNER)
        assert (back.facts.name, back.facts.state) == ("fix", State.LOST)
        assert back.facts.exit == {"code": None, "signal": None, "reason": "lost"}


async def test_one_verb_can_follow_another_at_once(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("sh", "-c", "sleep 600")
        for _ in range(3):
            await box.verbs.suspend(session, OWNER)
            assert not session.kept and box.slots.used == 0
            await box.verbs.resume(session, OWNER)
            assert session.kept and box.slots.used == 1
        await box.verbs.stop(session, OWNER)
        await box.verbs.archive(session, OWNER)
        await box.verbs.restore(session.id, OWNER)
        await box.verbs.rename(session, "again", OWNER)
        assert session.facts.name == "again"


async def test_of_two_that_resume_one_session_one_is_refused(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("sh", "-c", "sleep 600")
        await box.verbs.suspend(session, OWNER)
        refused: list[str] = []

        async def resume() -> None:
            try:
                await box.verbs.resume(session, OWNER)
            except Refused as error:
                refused.append(error.code)

        async with trio.open_nursery() as both:
            both.start_soon(resume)
            both.start_soon(resume)
        assert refused == ["invalid_state"] and is_running(session) and box.slots.used == 1
        await end_all(box)
