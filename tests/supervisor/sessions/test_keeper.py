"""The keeper with real workers: adoption, every way to end, silence, and a supervisor that comes after another."""

import os
import shutil
import signal
from pathlib import Path

import trio

from supervisor.core.facts import Facts
from supervisor.sessions.shown import describe
from tests.supervisor.sessions.livebox import alive, end_all, is_running, live_box, output, until_true
from workers.core.lifecycle import State
from workers.journalread import read_events


async def test_a_session_runs_prints_and_ends_with_its_code(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("sh", "-c", "echo hello; exit 7")
        await until_true(session, lambda: session.ended)
        assert session.facts.exit == {"code": 7, "signal": None, "reason": "ended"}
        assert await output(session) == b"hello\r\n"
        await until_true(session, lambda: bool(box.ended))
        assert box.slots.used == 0


async def test_a_worker_killed_by_force_is_lost_and_leaves_no_stray(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("sh", "-c", "setsid sleep 600 & echo $!; sleep 600")
        with session.hub.looking():
            await until_true(session, lambda: session.hub.end > 0)
        stray = int((await output(session)).split()[0])
        worker, agent = session.worker_pid, session.facts.pid
        assert worker is not None and agent is not None and alive(stray)
        os.kill(worker, signal.SIGKILL)
        await until_true(session, lambda: session.ended)
        assert session.facts.state is State.LOST
        assert session.facts.exit == {"code": None, "signal": None, "reason": "lost"}
        assert not alive(agent) and not alive(stray)
        last = read_events(session.bundle.directory, 0).records[-1]
        assert b'"state":"lost"' in last[2]


async def test_a_bundle_that_somebody_took_away_costs_its_session_and_no_other(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session, other = await box.start("sleep", "600"), await box.start("sleep", "600")
        worker, agent = session.worker_pid, session.facts.pid
        assert worker is not None and agent is not None
        shutil.rmtree(session.bundle.directory)
        os.kill(worker, signal.SIGKILL)
        await until_true(session, lambda: session.ended)
        assert session.facts.exit == {"code": None, "signal": None, "reason": "lost"}
        assert describe(session, None)["state"] == "lost"
        assert not alive(agent)
        assert is_running(other)
        await end_all(box)


async def test_another_boot_is_a_reboot_with_a_new_history(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("sh", "-c", "sleep 600")
        history = session.facts.history
        await box.keepers.forget(session)
        await until_true(session, lambda: not alive(session.worker_pid or 0))
        for name in ("worker.json", "journal.json"):
            kept = session.bundle.read_json(name)
            assert kept is not None
            session.bundle.write(name, str({**kept, "boot_id": "another"}).replace("'", '"').replace("None", "null"))
    async with live_box(tmp_path, epoch=2) as box:
        living = box.take_up({})
        assert len(living) == 1
        await box.keepers.adopt(living)
        assert living[0].facts.exit == {"code": None, "signal": None, "reason": "rebooted"}
        assert living[0].bundle.read_json("journal.json") != {"history": history, "boot_id": "another"}


async def test_the_next_supervisor_adopts_all_and_goes_on_with_the_numbers(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        before = [await box.start("sh", "-c", "echo first; read x; echo $x; sleep 600") for _ in range(4)]
        seqs = {session.id: session.facts.last_seq for session in before}
    async with live_box(tmp_path, epoch=2) as box:
        living = box.take_up({})
        await box.keepers.adopt(living)
        assert all(is_running(session) and session.answers for session in living)
        assert {session.id: session.facts.last_seq for session in living} == seqs
        for session in living:
            with session.hub.looking():
                session.type(b"again\n")
                await until_true(session, lambda s=session: s.hub.end >= len("first\r\nagain\r\nagain\r\n"))  # type: ignore[misc]
            assert await output(session) == b"first\r\nagain\r\nagain\r\n"
        await end_all(box)


async def test_a_stopped_worker_delays_nobody_and_is_shown_until_it_answers(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        stopped, other = [await box.start("sh", "-c", "sleep 600") for _ in range(2)]
        worker = stopped.worker_pid
        assert worker is not None
        os.kill(worker, signal.SIGSTOP)
    async with live_box(tmp_path, epoch=2) as box:
        living = box.take_up({})
        began = trio.current_time()
        await box.keepers.adopt(living)
        assert trio.current_time() - began < 5
        by_id = {session.id: session for session in living}
        assert by_id[stopped.id].unresponsive and is_running(by_id[stopped.id])
        assert by_id[other.id].answers
        os.kill(worker, signal.SIGCONT)
        await until_true(by_id[stopped.id], lambda: by_id[stopped.id].answers)
        assert not by_id[stopped.id].unresponsive
        await end_all(box)


async def test_a_session_that_ended_while_nobody_kept_it_is_shown_as_it_ended(tmp_path: Path) -> None:
    async with live_box(tmp_path) as box:
        session = await box.start("sh", "-c", "read x; exit 3")
        pid = session.facts.pid
        assert pid is not None
        session.type(b"\n")
        index: dict[str, dict[str, object]] = {session.id: Facts(name="stale", state=State.RUNNING).to_json()}
    async with live_box(tmp_path, epoch=2) as box:
        living = box.take_up(index)
        await box.keepers.adopt(living)
        for found in living:
            await until_true(found, lambda f=found: f.ended)  # type: ignore[misc]
            assert found.facts.exit == {"code": 3, "signal": None, "reason": "ended"}
