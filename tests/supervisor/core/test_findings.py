"""Findings."""

from __future__ import annotations

from supervisor.core.findings import Finding


def test_what_is_well_needs_no_hint() -> None:
    assert Finding("git", True, "git version 2.39").hint == ""
