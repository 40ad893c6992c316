from __future__ import annotations

from tests.bench.figures import FIGURES, Figure, ratio, rows, settle
from tests.bench.lines import BINARY, Frames
from tests.bench.recovery_stage import expected
from tests.bench.stage import quantile, turned


def test_the_middle_round_counts_and_of_promises_of_none_the_worst() -> None:
    rounds = [{"a": 3.0, "wrong": 0.0}, {"a": 1.0, "wrong": 7.0}, {"a": 2.0, "wrong": 0.0}]
    assert settle(rounds) == {"a": 2.0, "wrong": 7.0}
    assert settle(rounds[:2])["a"] == 2.0


def test_a_figure_beside_a_peer_is_a_ratio() -> None:
    figure = ratio("echo", "echo", "p50", "terminado", "µs", most=0.7)
    assert figure.target() == "≤ 0.7× terminado"
    assert figure.holds({"rc.p50": 70.0, "terminado.p50": 100.0})
    assert not figure.holds({"rc.p50": 71.0, "terminado.p50": 100.0})


def test_a_figure_alone_is_held_against_its_bound() -> None:
    figure = Figure("memory", "box", "box.idle", "MB", most=130.0)
    assert figure.target() == "≤ 130 MB"
    assert not figure.holds({"box.idle": 131.0})
    assert Figure("stated", "x", "y", "s").holds({"y": 1e9})


def test_the_table_holds_the_stages_that_ran() -> None:
    (row,) = rows({"start": {"start.p50": 6.0}})
    assert (row["rc"], row["holds"], row["peer"]) == (6.0, True, None)
    assert {figure.stage for figure in FIGURES} > {"start"}


def test_frames_are_cut_however_they_come() -> None:
    stream = b"\x82\x03abc" + b"\x82\x7e\x01\x00" + b"x" * 256 + b"\x82\x7f" + (70000).to_bytes(8, "big") + b"y" * 70000
    frames = Frames()
    found = [each for at in range(0, len(stream), 1000) for each in frames.feed(stream[at : at + 1000])]
    assert found == [(BINARY, b"abc"), (BINARY, b"x" * 256), (BINARY, b"y" * 70000)]
    slow = Frames()
    assert [each for at in range(5) for each in slow.feed(stream[at : at + 1])] == [(BINARY, b"abc")]


def test_what_a_printing_session_has_to_show_is_known_everywhere() -> None:
    whole = expected(0, 5000)
    assert whole.startswith(b"READY\r\n000000000 the quick")
    assert all(expected(at, 50) == whole[at : at + 50] for at in (0, 3, 7, 1026, 1027, 4000))


def test_a_quantile_is_one_of_the_values() -> None:
    assert quantile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.0
    assert quantile([1.0], 0.99) == 1.0
    assert quantile([float(n) for n in range(1, 101)], 0.99) == 99.0


def test_nobody_is_always_first() -> None:
    assert [turned("abc", n)[0] for n in range(4)] == ["a", "b", "c", "a"]
