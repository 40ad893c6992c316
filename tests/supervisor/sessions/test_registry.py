"""The list of all sessions, and which names are free."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.sessions.endings import first_facts
from supervisor.sessions.registry import Registry
from supervisor.sessions.session import Session
from tests.supervisor.sessions.livebox import spec_of
from workers.errors import Refused


class Kept:
    """A registry, and whose change it has told."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.told: list[str] = []
        self.registry = Registry(str(home), self.told.append)

    def add(self, name: str) -> Session:
        spec = spec_of(self.home, "true", name=name)
        return self.registry.add(spec, first_facts(spec))


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def test_every_coming_change_and_going_is_told(kept: Kept) -> None:
    session = kept.add("fix")
    session.set_facts(rows=50)
    kept.registry.remove(session)
    assert kept.told[0] == kept.told[-1] == session.id and len(kept.told) >= 3
    assert session.gone


def test_sessions_are_found_by_id_oldest_first(kept: Kept) -> None:
    one, two = kept.add("one"), kept.add("two")
    assert list(kept.registry) == [one, two]
    assert kept.registry.get(two.id) is two and kept.registry.find("nobody") is None
    with pytest.raises(Refused) as refused:
        kept.registry.get("nobody")
    assert refused.value.code == "unknown_session"


def test_who_goes_through_the_list_is_not_disturbed_by_changes_of_it(kept: Kept) -> None:
    for session in [kept.add("one"), kept.add("two")]:
        assert session in kept.registry
    for session in kept.registry:
        kept.registry.remove(session)
    assert list(kept.registry) == []


def test_the_name_of_an_archived_session_is_free(kept: Kept) -> None:
    session = kept.add("fix")
    assert kept.registry.names_taken() == {"fix"}
    session.set_facts(archived=True)
    kept.registry.check_free("fix")


def test_a_name_that_is_about_to_be_given_is_taken(kept: Kept) -> None:
    with kept.registry.claiming_name("fix"):
        assert kept.registry.names_taken() == {"fix"}
        for claim in (kept.registry.check_free, lambda name: kept.registry.claiming_name(name).__enter__()):
            with pytest.raises(Refused) as refused:
                claim("fix")
            assert refused.value.code == "name_taken"
    kept.registry.check_free("fix")


def test_a_name_that_could_not_be_given_is_free_again(kept: Kept) -> None:
    with pytest.raises(ZeroDivisionError), kept.registry.claiming_name("fix"):
        raise ZeroDivisionError
    kept.registry.check_free("fix")
