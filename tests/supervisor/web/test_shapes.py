"""Shapes of answers."""

from __future__ import annotations

import jsonschema_rs
import pytest

from supervisor.errors import CODES, problem
from supervisor.web import shapes
from supervisor.web.shapes import Shape, json_answer, octets_answer, problem_answer
from workers.errors import Refused

ALL: dict[str, Shape] = {
    name: shape
    for name, shape in vars(shapes).items()
    if name.isupper() and name[0] != "_" and isinstance(shape, dict) and "type" in shape
}


@pytest.mark.parametrize("name", ALL)
def test_every_shape_is_a_json_schema(name: str) -> None:
    jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **ALL[name]})
    assert not jsonschema_rs.is_valid(ALL[name], "text")


@pytest.mark.parametrize("code", CODES)
def test_every_problem_has_its_shape(code: str) -> None:
    assert jsonschema_rs.is_valid(shapes.PROBLEM, problem(Refused(code, "cause", "next")))


def test_answers_name_their_kind_of_content() -> None:
    assert list(json_answer(shapes.OK)["content"]) == ["application/json"]
    assert list(octets_answer("x")["content"]) == ["application/octet-stream"]
    assert list(problem_answer("x")["content"]) == ["application/problem+json"]
