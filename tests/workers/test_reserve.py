from __future__ import annotations

from pathlib import Path

import pytest

from tests.smalldisk import small_disk
from tests.workers.journals import events, fill
from workers.errors import Refused
from workers.journalfile import EventLog, TerminalLog
from workers.journalread import read_terminal
from workers.reserve import LAST_WORDS, RESERVE, Reserve


def test_a_full_disk_loses_nothing_and_has_room_for_a_notice(tmp_path: Path) -> None:
    with small_disk(tmp_path, 1 << 20) as small:
        disk = small.seen
        (disk / "ballast").write_bytes(bytes(128 << 10))
        reserve = Reserve(str(disk))
        assert reserve.rebuild()
        assert (disk / "reserve").stat().st_blocks * 512 >= RESERVE
        events_log, output = EventLog.open(str(disk)), TerminalLog.open(str(disk))
        with pytest.raises(Refused) as refused:
            while True:
                output.append(output.end, 7, b"o" * 3000)
        assert refused.value.code == "disk_full"
        with pytest.raises(Refused):
            events_log.append(1, 7, b"a notice")
        assert reserve.spend(LAST_WORDS)
        assert (disk / "reserve").stat().st_blocks * 512 == LAST_WORDS
        assert not reserve.spend(LAST_WORDS)
        events_log.append(1, 7, b"a notice")
        fill(disk / "filler")
        assert not reserve.rebuild()
        assert (disk / "reserve").stat().st_blocks * 512 == LAST_WORDS
        with pytest.raises(Refused):
            output.append(output.end, 7, b"l" * LAST_WORDS)
        assert reserve.spend()
        assert not reserve.spend()
        output.append(output.end, 7, b"o" * (LAST_WORDS - 4096))
        fill(disk / "filler")
        assert not reserve.rebuild()
        (disk / "ballast").unlink()
        (disk / "filler").unlink()
        assert reserve.rebuild()
        assert reserve.rebuild()
        events_log.close()
        output.close()
        assert events(disk) == {1: b"a notice"}
        assert read_terminal(str(disk), output.end - 5).data == b"ooooo"


def test_a_disk_without_room_for_one_more_file_has_no_reserve(tmp_path: Path) -> None:
    assert not Reserve(str(tmp_path / "gone")).rebuild()
