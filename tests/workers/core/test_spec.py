import json
from dataclasses import replace

import pytest

from workers.core.spec import Spec

SPEC = Spec(
    id="session_1",
    name="fix",
    agent="shell",
    adapter="terminal",
    argv=("/bin/sh", "-c", "true"),
    env={"PATH": "/bin"},
    workspace="/w",
    project="app",
    project_path="/p",
    spawn_mode="worktree",
    created_at="2026-01-01T00:00:00.000Z",
    person="owner",
    branch="rc/fix-abcdef",
    notices=("mind the gap",),
)


def test_a_spec_comes_back_as_it_was() -> None:
    assert Spec.from_json(SPEC.to_json()) == SPEC


def test_a_spec_of_a_release_without_remote_workers_has_a_local_one() -> None:
    fields = json.loads(SPEC.to_json())
    del fields["worker"]
    assert Spec.from_json(json.dumps(fields)) == SPEC and not SPEC.is_remote
    assert replace(SPEC, worker="remote").is_remote


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"version": 1}', '{"version": 1, "argv": 5, "notices": []}'])
def test_what_is_no_spec_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Spec.from_json(text)


def test_a_spec_of_another_version_says_so() -> None:
    with pytest.raises(ValueError, match="another version"):
        Spec.from_json(json.dumps({**json.loads(SPEC.to_json()), "version": 99}))


def test_a_field_of_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="not a spec"):
        Spec.from_json(json.dumps({**json.loads(replace(SPEC).to_json()), "strange": 1}))
