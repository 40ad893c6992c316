"""The table: what is promised, what was measured, and whether it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.bench.scale import Scale
from tests.bench.stage import Values


@dataclass(frozen=True, slots=True)
class Figure:
    """One promise: `key`, divided by `beside` where there is one, is held against `most` or `least`."""

    what: str
    stage: str
    key: str
    unit: str
    most: float | None = None
    least: float | None = None
    beside: str | None = None

    def measured(self, values: Values) -> float:
        """What is held against the promise."""
        return values[self.key] / values[self.beside] if self.beside else values[self.key]

    def holds(self, values: Values) -> bool:
        got = self.measured(values)
        return (self.most is None or got <= self.most) and (self.least is None or got >= self.least)

    def target(self) -> str:
        if self.most is None and self.least is None:
            return "stated"
        sign, bound = ("≤", self.most) if self.most is not None else ("≥", self.least)
        return f"{sign} {bound:g}× {self.beside.split('.')[0]}" if self.beside else f"{sign} {bound:g} {self.unit}"


def ratio(what: str, stage: str, key: str, peer: str, unit: str, **bound: float) -> Figure:
    """A figure of rc beside the same figure of a peer."""
    return Figure(what, stage, f"rc.{key}", unit, beside=f"{peer}.{key}", **bound)


FIGURES = (
    ratio("key to echo, p50, beside terminado", "echo", "p50", "terminado", "µs", most=0.7),
    ratio("key to echo, p99, beside terminado", "echo", "p99", "terminado", "µs", most=0.7),
    ratio("key to echo, p50, beside ssh", "echo", "p50", "ssh", "µs", most=1.3),
    ratio("key to echo, p99, beside ssh", "echo", "p99", "ssh", "µs", most=1.3),
    ratio("key to echo beside 8 that print flat out, p50", "crowd", "p50", "terminado", "µs", most=1.0),
    ratio("key to echo beside 8 that print flat out, p99", "crowd", "p99", "terminado", "µs", most=1.0),
    ratio("8 that print flat out: delivered in all", "crowd", "mbs", "terminado", "MB/s", least=0.5),
    ratio("output of one session", "output", "mbs", "terminado", "MB/s", least=0.9),
    ratio("10 viewers: delivered in all", "viewers", "mbs", "terminado", "MB/s", least=3.0),
    ratio("10 viewers: CPU per MB delivered", "viewers", "cpu", "terminado", "ms/MB", most=0.25),
    Figure("one unread viewer, 150 MB printed: growth", "unread", "rc.growth", "MB", most=4.0),
    Figure("worker ready, p50", "start", "start.p50", "ms", most=10.0),
    Figure("worker after 100 MB and 1,000 events: USS", "worker", "worker.uss", "MB", most=3.0),
    Figure("box of 32 after 100 MB each: PSS", "box", "box.used", "MB", most=170.0),
    Figure("box of 32 idle from the start: PSS", "box", "box.idle", "MB", most=130.0),
    Figure("32 sessions at once: failures", "creation", "failures", "", most=0.0),
    Figure("32 sessions at once, beside git", "creation", "rc.seconds", "s", most=1.0, beside="git.seconds"),
    Figure("32 at once: request to first byte, p95", "creation", "first.p95", "s"),
    Figure("refusal of the 33rd meanwhile, p99", "creation", "refusal.p99", "ms", most=15.0),
    Figure("kill -9: exec to new byte at all clients", "recovery", "seconds", "s", most=2.0),
    Figure("device shut out: its line closed, p99 of 200", "revocation", "p99", "ms", most=1000.0),
    Figure("bridge: exchanges, one after the other", "bridge", "alone", "/s"),
    Figure("bridge: exchanges, 8 sessions at once", "bridge", "together", "/s"),
    Figure("bridge: events of a remote worker on disk", "bridge", "events", "/s"),
    Figure("kill -9: octets missing or doubled", "recovery", "wrong", "", most=0.0),
    Figure("page: from rc serve to a paired browser", "page", "paired", "s"),
    Figure("page: usable, nothing in the cache", "page", "usable", "ms", most=1000.0),
    Figure("page: first paint", "page", "paint", "ms"),
    Figure("page: octets until usable", "page", "first", "KiB"),
    Figure("page: octets with terminal, in all", "page", "all", "KiB", most=350.0),
    Figure("page: loads of xterm before it is wanted", "page", "early xterm", "", most=0.0),
    Figure("page: key to painted glyph, p50", "page", "key.p50", "ms", most=30.0),
    Figure("page: key to painted glyph, p95", "page", "key.p95", "ms", most=60.0),
    Figure("page: 10 MB printed, longest frame", "page", "frame", "ms", most=200.0),
    Figure("page: 10 MB printed, until drawn", "page", "print.seconds", "s"),
    Figure("page: of these, MB that came", "page", "print.octets", "MB"),
    Figure("page: live after a cut, 400 ms each way", "page", "back", "s", most=2.5),
    Figure("page: the same with handshakes as slow", "page", "back with handshakes", "s"),
)

# Of these the worst round counts, not the middle one: a promise of none, or of every time.
WORST = {"failures", "wrong", "seconds", "frame"}

TRANSPORT = (
    "rc: WebSocket over its Unix socket; terminado: WebSocket over TCP on the loopback; "
    "ssh: TCP on the loopback, read through the pipes of `ssh -tt`. Same program, same client code."
)


def median(values: list[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def settle(rounds: list[Values]) -> Values:
    """One value for each name, from all rounds."""
    return {key: _settle(key, [each[key] for each in rounds]) for key in rounds[0]}


def _settle(key: str, values: list[float]) -> float:
    return max(values) if key in WORST else median(values)


def rows(settled: dict[str, Values]) -> list[dict[str, Any]]:
    """The table as data, for the stages that were run."""
    return [
        {
            "what": figure.what,
            "rc": settled[figure.stage][figure.key],
            "unit": figure.unit,
            "peer": settled[figure.stage][figure.beside] if figure.beside else None,
            "target": figure.target(),
            "measured": figure.measured(settled[figure.stage]),
            "holds": figure.holds(settled[figure.stage]),
        }
        for figure in FIGURES
        if figure.stage in settled
    ]


def draw(table: list[dict[str, Any]], scale: Scale, load: float, void: bool, judge: bool) -> str:
    """The table as text; without `judge`, nothing is said about whether a figure holds."""
    lines = [f"{'what':44} {'rc':>10} {'peer':>10} {'unit':6} {'ratio':>6}  {'target':18} holds"]
    for row in table:
        peer = "" if row["peer"] is None else f"{row['peer']:.3g}"
        beside = "" if row["peer"] is None else f"{row['measured']:.2f}"
        verdict = "-" if not judge else "yes" if row["holds"] else "NO"
        lines.append(
            f"{row['what']:44} {row['rc']:>10.3g} {peer:>10} {row['unit']:6} {beside:>6}  {row['target']:18} {verdict}"
        )
    lines += ["", TRANSPORT, f"Medians of {scale.rounds} interleaved rounds; load average at the start {load:.2f}."]
    if not judge:
        lines.append("The short form: less of everything, on a machine in any state. Nothing is judged.")
    if void:
        lines.append("VOID: the load average was over the limit at the start. These figures say nothing.")
    return "\n".join(lines)
