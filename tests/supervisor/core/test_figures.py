"""Figures in the text form that Prometheus reads."""

from __future__ import annotations

from supervisor.core.figures import Figure, exposition, single


def test_a_figure_has_its_help_its_type_and_a_line_for_each_value() -> None:
    figures = [Figure("rc_sessions", "By state.", {"running": 2, "lost": 0}, "state"), single("rc_epoch", "Start.", 7)]
    assert exposition(figures) == (
        "# HELP rc_sessions By state.\n"
        "# TYPE rc_sessions gauge\n"
        'rc_sessions{state="running"} 2\n'
        'rc_sessions{state="lost"} 0\n'
        "# HELP rc_epoch Start.\n"
        "# TYPE rc_epoch gauge\n"
        "rc_epoch 7\n"
    )
    assert exposition([]) == ""
