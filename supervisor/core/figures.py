"""Figures of a box in the text form that Prometheus reads (version 0.0.4): no session, project or person in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that is measured again and again. Where it has several, `values` are by the value of `label`; where
    it has one, `label` is empty and so is its key."""

    name: str
    help: str
    values: Mapping[str, int]
    label: str = ""


def single(name: str, help: str, value: int) -> Figure:
    return Figure(name, help, {"": value})


def exposition(figures: Iterable[Figure]) -> str:
    """All of them, as gauges. Labels' values are ours, plain words that need no escape."""
    return "".join(line for figure in figures for line in _lines(figure))


def _lines(figure: Figure) -> Iterable[str]:
    yield f"# HELP {figure.name} {figure.help}\n"
    yield f"# TYPE {figure.name} gauge\n"
    for value, number in figure.values.items():
        label = f'{{{figure.label}="{value}"}}' if figure.label else ""
        yield f"{figure.name}{label} {number}\n"
