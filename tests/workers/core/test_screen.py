from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.core.screen import BEHIND, MARK_EVERY, MAX_MARKS, MAX_OPEN, MAX_SIZES, Part, SnapshotPlan, Tracker
from workers.core.screenmodes import Modes

WANT = 128 << 10
LINE = b"a line of text that scrolls by\r\n"
VIM = [b"\x1b[?1049h\x1b[?1h\x1b=", b"\x1b[1;24r", b"\x1b[H\x1b[2J", b"\x1b[31mtext", b"\x1b[K"]
BACK = [b"\x1b[r", b"\x1b[?1l\x1b>\x1b[?1049l", b"\x1b[m"]
PIECES = [
    *VIM, *BACK, LINE, b"\r", "wörld ✓ 😀".encode(), b"\x1b]2;title\x07", b"\x1b]0;other\x1b\\", b"\x1b[?1000;1006h",
    b"\x1b[?1000;1006l", b"\x1b(0", b"\x1b(B", b"\x0e", b"\x0f", b"\x1b[38;2;1;2;3m", b"\x1b[0m", b"\x1b[?25l",
    b"\x1b[?2004h", b"\x1b[5;9r", b"\x1bc", b"\x1b[!p", b"\x1b[>1u", b"\x1b[<u", b"\x1bP1$q\x1b\\", b"\x1b[?7s\x1b[?7r",
]  # fmt: skip


def tracked(*output: bytes, start: int = 0) -> Tracker:
    tracker = Tracker(24, 80, start)
    for data in output:
        tracker.feed(data)
    return tracker


def shown(plan: SnapshotPlan, output: bytes) -> bytes:
    """The state a viewer ends with who is sent the plan and then what is live."""
    modes = Modes()
    for part in plan.parts:
        modes.scan(part.prefix)
        modes.scan(output[part.start : part.end])
    modes.scan(output[plan.live_at :])
    return modes.prefix()


@settings(max_examples=30, deadline=None)
@given(
    # A piece and how often: hypothesis writes down what it tried, and warns of what is too long to be written down.
    st.lists(st.tuples(st.sampled_from(PIECES), st.just(1)) | st.just((LINE, 1500)), min_size=1, max_size=40),
    st.lists(st.integers(0, 1 << 20), max_size=20),
    st.sampled_from([0, 1000, WANT]),
)
def test_a_late_viewer_has_the_state_of_one_who_saw_all(
    pieces: list[tuple[bytes, int]], cuts: list[int], want: int
) -> None:
    output = b"".join(piece * times for piece, times in pieces)
    edges = sorted({0, len(output), *(cut % len(output) for cut in cuts)})
    tracker = tracked(*(output[a:b] for a, b in itertools.pairwise(edges)))
    plan = tracker.plan(0, want)
    modes = Modes()
    modes.scan(output)
    assert shown(plan, output) == modes.prefix()
    assert plan.live_at == tracker.ground == plan.parts[-1].end


@settings(max_examples=6, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=30), st.sampled_from([1000, 4095, 65536]))
def test_a_snapshot_begins_between_characters_and_sequences(pieces: list[bytes], size: int) -> None:
    repeated = pieces * (80_000 // len(b"".join(pieces)))
    output = b"".join(repeated)
    tracker = tracked(*(output[at : at + size] for at in range(0, len(output), size)))
    edges = {0, *itertools.accumulate(len(piece) for piece in repeated)}
    for part in tracker.plan(0, 1000).parts:
        behind = output[part.start : part.start + 4].decode(errors="replace")
        assert part.start in edges or (output[part.start - 1] >= 0x20 and not behind.startswith("�"))


def test_nothing_was_printed_yet() -> None:
    assert tracked().plan(0, WANT) == SnapshotPlan((Part(b"", 0, 0, 24, 80, ()),), 0)


def test_a_short_history_is_replayed_whole() -> None:
    output = b"\x1b[31mred\r\n"
    assert tracked(output).plan(0, WANT).parts == (Part(b"", 0, len(output), 24, 80, ()),)


def test_a_long_history_is_replayed_from_a_mark_near_what_is_wanted() -> None:
    tracker = tracked(b"\x1b[31m", *[LINE * 100] * 1000)
    (part,) = tracker.plan(0, WANT).parts
    assert part.prefix == b"\x1b[31m"
    assert WANT <= part.end - part.start <= WANT + 2 * MARK_EVERY
    assert (part.start - 5) % len(LINE) == 0


def test_marks_are_bounded_and_what_is_no_longer_kept_is_not_named() -> None:
    tracker = tracked(*[LINE * 1000] * 400)
    (part,) = tracker.plan(0, 1 << 30).parts
    assert part.end - part.start <= (MAX_MARKS + 1) * 2 * MARK_EVERY
    oldest = part.end - 100_000
    (part,) = tracker.plan(oldest, WANT).parts
    assert oldest <= part.start < part.end


def test_where_nothing_is_kept_the_state_alone_is_sent() -> None:
    tracker = tracked(b"\x1b[31mred")
    assert tracker.plan(8, WANT).parts == (Part(b"\x1b[31m", 8, 8, 24, 80, ()),)


def test_output_without_lines_gets_marks_too() -> None:
    tracker = tracked(*[b"\rworking" * 500] * 100)
    (part,) = tracker.plan(0, 1000).parts
    assert part.end - part.start <= 3 * MARK_EVERY


@pytest.mark.parametrize("text", ["é", "✓", "😀", "x"])
@pytest.mark.parametrize("spill", [0, 1, 2, 3])
def test_a_mark_does_not_tear_a_character(text: str, spill: int) -> None:
    output = text.encode() * (4 * MARK_EVERY)
    cut = 3 * MARK_EVERY + spill
    (part,) = tracked(output[:cut]).plan(0, 0).parts
    output[part.start : part.start + len(text.encode())].decode()
    assert part.start >= cut - 3


def test_what_is_no_utf_8_is_cut_anywhere() -> None:
    (part,) = tracked(b"\xbf" * 3 * MARK_EVERY).plan(0, 0).parts
    assert part.start == 3 * MARK_EVERY


def test_an_alternate_screen_is_replayed_behind_the_normal_one() -> None:
    normal, paint = LINE * 10, b"\x1b[?1049h\x1b[H\x1b[2Jeditor"
    plan = tracked(normal, paint).plan(0, WANT)
    first, second = plan.parts
    assert (first.prefix, first.start, first.end) == (b"", 0, len(normal))
    assert (second.start, second.end) == (len(normal) + 8, len(normal) + len(paint))
    assert second.prefix.endswith(b"\x1b[?1049h")


def test_an_alternate_screen_at_the_very_beginning_has_no_normal_one_behind() -> None:
    (part,) = tracked(b"\x1b[?1049heditor").plan(0, WANT).parts
    assert (part.prefix, part.start) == (b"", 0)


def test_an_alternate_screen_that_painted_much_begins_at_a_mark_inside() -> None:
    enter = LINE * 4000 + b"\x1b[?1049h\x1b[H\x1b[2J"
    first, second = tracked(enter, *[b"\x1b[1;1Hpaint " * 1000] * 50).plan(0, 10_000).parts
    assert first.end == len(enter) - len(b"\x1b[?1049h\x1b[H\x1b[2J")
    assert BEHIND <= first.end - first.start <= BEHIND + len(enter)
    assert 10_000 <= second.end - second.start < 10_000 + 2 * MARK_EVERY
    assert b"\x1b[?1049h" in second.prefix


def test_the_alternate_screen_counts_from_its_last_entry() -> None:
    output = LINE + b"\x1b[?1049hone\x1b[?1049lback\r\n"
    first, second = tracked(output[:40], output[40:] + b"\x1b[?1049htwo").plan(0, WANT).parts
    assert first.end == second.start == len(output)


def test_entering_it_twice_changes_nothing() -> None:
    first, _ = tracked(LINE, b"\x1b[?1049hone", b"\x1b[?1049htwo").plan(0, WANT).parts
    assert first.end == len(LINE)


def test_entering_it_among_other_modes_is_seen() -> None:
    first, second = tracked(LINE, b"\x1b[?1;1049h", b"\x1b[2J\x1b[Hx").plan(0, WANT).parts
    assert (first.end, second.start) == (len(LINE), len(LINE) + 10)


def test_an_alternate_screen_whose_beginning_is_no_longer_kept_stands_alone() -> None:
    output = LINE + b"\x1b[?1049hone"
    tracker = tracked(output, b"\x1b[H\x1b[2Jtwo")
    (part,) = tracker.plan(len(output), WANT).parts
    assert (part.prefix, part.start) == (b"\x1b[?1049h", len(output))


def test_a_snapshot_ends_before_an_unfinished_sequence() -> None:
    tracker = tracked(b"text\x1b[3")
    assert tracker.plan(0, WANT).live_at == tracker.ground == 4
    tracker.feed(b"1mred")
    assert tracker.ground == 12
    assert tracker.plan(12, WANT).parts[0].prefix == b"\x1b[31m"


@pytest.mark.parametrize("end", [b"\x07", b"\x1b\\"])
def test_a_title_that_comes_in_pieces_is_read(end: bytes) -> None:
    output = b"\x1b]2;my title" + end
    tracker = tracked(*(output[at : at + 1] for at in range(len(output))))
    assert tracker.plan(99, WANT).parts[0].prefix == b"\x1b]2;my title\x07"


def test_an_escape_at_the_end_is_held() -> None:
    assert tracked(b"text\x1b").ground == 4
    assert tracked(b"\x1b[1mtext\x1b").ground == 8


def test_an_endless_sequence_is_passed_over_and_not_held() -> None:
    tracker = tracked(LINE, b"\x1bP" + b"q\n" * MAX_OPEN, b"more\n" * MARK_EVERY)
    assert tracker.plan(0, 0).parts[0].start == 0
    tracker.feed(b"\x1b\\\x1b[31mred\r\n")
    (part,) = tracker.plan(0, 0).parts
    assert part.start == tracker.ground
    assert part.prefix == b"\x1b[31m"


def test_a_string_that_was_cancelled_is_over() -> None:
    assert tracked(b"\x1bPabc\x18text").ground == 10


def test_resizes_belong_to_the_part_in_which_they_happened() -> None:
    tracker = tracked(LINE)
    tracker.resized(30, 100)
    tracker.feed(b"\x1b[?1049hx")
    tracker.resized(40, 120)
    tracker.feed(b"y")
    first, second = tracker.plan(0, WANT).parts
    assert (first.rows, first.columns, first.sizes) == (24, 80, ((len(LINE), 30, 100),))
    assert (second.rows, second.columns, second.sizes) == (30, 100, ((second.end - 1, 40, 120),))


def test_of_resizes_without_output_between_the_last_counts() -> None:
    tracker = tracked()
    tracker.resized(30, 100)
    tracker.resized(40, 120)
    assert tracker.plan(0, WANT).parts == (Part(b"", 0, 0, 40, 120, ()),)


def test_a_resize_drops_the_scroll_region() -> None:
    tracker = tracked(b"\x1b[5;9r")
    tracker.resized(30, 100)
    assert tracker.plan(99, WANT).parts[0].prefix == b""


def test_resizes_are_bounded_and_marks_before_the_first_known_size_go() -> None:
    tracker = tracked(LINE * 4000, b"\x1b[?1049hx")
    for rows in range(MAX_SIZES + 10):
        tracker.resized(10 + rows, 80)
        tracker.feed(b".")
    (part,) = tracker.plan(0, WANT).parts
    assert len(LINE * 4000) < part.start < part.end
    assert part.prefix == b"\x1b[?1049h"
    assert (part.rows, part.sizes[-1]) == (10 + part.start - len(LINE * 4000) - 9, (part.end - 1, 275, 80))


def test_a_size_that_is_forgotten_forgets_a_normal_screen_without_marks_too() -> None:
    tracker = tracked()
    for rows in range(MAX_SIZES + 10):
        tracker.resized(10 + rows, 80)
        tracker.feed(b".")
    assert tracker.plan(0, WANT).parts[0].prefix == b""


def test_following_from_the_middle_begins_at_the_first_line() -> None:
    output = b"38;5;1mtorn\r\nwhole\r\n"
    tracker = tracked(output[:5], output[5:], start=500)
    (part,) = tracker.plan(500, WANT).parts
    assert (part.prefix, part.start, part.end) == (b"", 500 + len(output), 500 + len(output))
    assert tracked(b"no line", start=500).plan(500, WANT).parts[0].start == 507


def test_a_plan_survives_the_link() -> None:
    tracker = tracked(LINE, b"\x1b[?1049h\x1b[31m")
    tracker.resized(30, 100)
    plan = tracker.plan(0, WANT)
    value = json.loads(json.dumps(plan.to_json()))
    assert SnapshotPlan.from_json(value) == plan
    assert value["parts"][1]["sizes"] == [[plan.live_at, 30, 100]]


@pytest.mark.parametrize("value", [None, {}, {"parts": [{}], "live_at": 1}, {"parts": [], "live_at": "x"}])
def test_what_is_no_plan_is_refused(value: object) -> None:
    with pytest.raises(ValueError):
        SnapshotPlan.from_json(value)


def test_who_enters_the_alternate_screen_twice_entered_it_the_first_time() -> None:
    normal, inside = b"\x1b[5;9r" + LINE, b"\x1b[?1049h" * 2 + LINE * 1500
    plan = tracked(normal, inside).plan(0, 0)
    assert plan.parts[0].end == len(normal)
    assert shown(plan, normal + inside) == b"\x1b[5;9r\x1b[?1049h"
