"""The journal that the box writes for a remote worker: what it finds again, and what it throws away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from supervisor.core.ledger import Ledger
from supervisor.core.waitingcommands import Keep, Kept
from supervisor.sessions.creation import Wish
from supervisor.sessions.remotejournal import COMMANDS, RemoteJournal
from tests.supervisor.sessions.livebox import live_box, until_true
from workers.bundle import boot_id
from workers.core.agent import Shape

PROMPT = {"kind": "prompt", "text": "hi", "message_id": "11111111-0000-4000-8000-000000000001"}


async def test_of_what_waits_only_what_was_accepted_is_found_again(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    async with live_box(tmp_path) as box:
        session = await box.create(Wish(agent="echo", worker="remote"))
        seq = await session.command(PROMPT, {"person": "owner"})
    folder = Path(session.bundle.directory) / COMMANDS
    assert [each.name for each in folder.iterdir()] == [str(seq)]
    (folder / "77").write_text(Kept(77, {"kind": "interrupt"}, "person", None).to_json())  # never accepted
    (folder / "78").write_text('{"number":78,"wi')  # cut short by a power cut
    (folder / "79.new").write_text("")
    async with live_box(tmp_path, epoch=2) as box:
        (session,) = box.take_up({})
        await box.keepers.adopt([session])
        assert sorted(each.name for each in folder.iterdir()) == [str(seq), "79.new"]
        box.keepers.remotes.standin(session, 0).end("killed")
        await until_true(session, lambda: not session.kept)
    assert [each.name for each in folder.iterdir()] == ["79.new"]
    note = json.loads(session.bundle.read("exit.json") or "")
    assert (note["state"], note["reason"]) == ("exited", "killed")
    journal = RemoteJournal(session, boot_id())
    assert journal.is_over and journal.last_seq == session.facts.last_seq and not journal.is_full
    await journal.close()


async def test_an_effect_that_fails_does_not_keep_those_behind_it_from_being_done(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    async with live_box(tmp_path) as box:
        session = await box.create(Wish(agent="echo", worker="remote"))
        box.keepers.remotes.standin(session, 0).end("killed")
        await until_true(session, lambda: not session.kept)
    journal = RemoteJournal(session, boot_id())
    before, ledger = journal.last_seq, Ledger(Shape.INSIDE)
    ledger.last_seq = before
    with pytest.raises(TypeError, match="not JSON serializable"):
        journal.do([Keep(Kept(7, {"kind": object()}, "person", None)), *ledger.tell("info", "one")])
    assert journal.last_seq == before
    journal.do(ledger.tell("info", "two"))
    assert journal.last_seq == before + 2
    await journal.close()
