from collections.abc import Callable
from pathlib import Path

import trio
from trio.testing import wait_all_tasks_blocked

from supervisor.sessions.hub import EVENTS_CACHED, RING, RING_CHUNKS, Hub


def hub(tmp_path: Path, looks: Callable[[bool], None] = lambda looked: None) -> Hub:
    return Hub(str(tmp_path), 0, 0, looks)


def test_events_come_back_in_order_and_once(tmp_path: Path) -> None:
    h = hub(tmp_path)
    for seq in (1, 2, 2, 1, 3):
        h.add_event(seq, b"%d" % seq)
    assert h.events_after(0) == [(1, b"1"), (2, b"2"), (3, b"3")]
    assert h.events_after(2) == [(3, b"3")]
    assert h.events_after(3) == []


def test_what_is_older_than_the_cache_is_on_disk(tmp_path: Path) -> None:
    h = hub(tmp_path)
    big = b"x" * (EVENTS_CACHED // 2)
    for seq in range(1, 5):
        h.add_event(seq, big)
    assert h.events_after(0) is None
    assert [seq for seq, _ in h.events_after(3) or []] == [4]


def test_a_jump_in_the_numbers_empties_the_cache(tmp_path: Path) -> None:
    h = hub(tmp_path)
    h.add_event(1, b"1")
    h.add_event(5, b"5")
    assert h.events_after(1) is None
    assert h.events_after(4) == [(5, b"5")]
    h.restart_events(9)
    assert h.events_after(5) is None and h.events_after(9) == []


def test_output_is_found_from_any_offset_of_the_ring(tmp_path: Path) -> None:
    h = hub(tmp_path)
    with h.looking():
        h.go_live(10)
        for offset, data in ((10, b"abc"), (13, b"de"), (15, b"f")):
            h.add_output(offset, data)
        assert [c.octets(c.offset, c.end) for c in h.output_from(10) or []] == [b"abc", b"de", b"f"]
        assert [c.octets(c.offset, c.end) for c in h.output_from(14) or []] == [b"de", b"f"]
        assert h.output_from(16) == []
        assert h.output_from(9) is None


def test_a_chunk_that_ends_where_a_reader_is_holds_nothing_for_it(tmp_path: Path) -> None:
    h = hub(tmp_path)
    with h.looking():
        h.go_live(0)
        h.add_output(0, b"abc")
        h.advance(9)
        assert h.output_from(3) == []
        assert [c.octets(c.offset, c.end) for c in h.output_from(2) or []] == [b"abc"]


def test_a_chunk_is_a_finished_frame(tmp_path: Path) -> None:
    h = hub(tmp_path)
    with h.looking():
        h.go_live(0)
        h.add_output(0, b"hi")
        (chunk,) = h.output_from(0) or []
        assert chunk.frame == b"\x82\x0b\x01" + bytes(8) + b"hi"


def test_the_ring_is_bounded_in_octets_and_in_chunks(tmp_path: Path) -> None:
    h = hub(tmp_path)
    with h.looking():
        h.go_live(0)
        for n in range(40):
            h.add_output(n << 16, bytes(1 << 16))
        assert h.output_from(0) is None
        assert sum(c.end - c.offset for c in h.output_from(h.end - RING) or []) == RING
        start = h.end
        for n in range(RING_CHUNKS + 5):
            h.add_output(start + n, b"k")
        assert h.output_from(start) is None
        assert len(h.output_from(h.end - 3) or []) == 3


def test_nobody_looking_means_no_ring_and_only_an_end(tmp_path: Path) -> None:
    looked: list[bool] = []
    h = hub(tmp_path, looked.append)
    h.add_output(0, b"abc")
    assert h.end == 3 and h.output_from(0) is None
    with h.looking(), h.looking():
        h.go_live(3)
        h.add_output(3, b"d")
        assert looked == [True]
    assert looked == [True, False]
    assert h.output_from(3) is None
    h.advance(9)
    h.advance(5)
    assert h.end == 9


async def test_who_waits_is_woken_by_news_and_not_before(tmp_path: Path) -> None:
    h, woken = hub(tmp_path), []

    async def wait() -> None:
        await h.wait_news()
        woken.append(h.last_seq)

    async with trio.open_nursery() as waiting:
        waiting.start_soon(wait)
        waiting.start_soon(wait)
        await wait_all_tasks_blocked()
        assert woken == []
        h.add_event(1, b"1")
    assert woken == [1, 1]
