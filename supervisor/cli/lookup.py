"""From what somebody typed for a session to the session, and verbs that take several of them."""

from __future__ import annotations

import argparse
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from supervisor.cli import exits, printing
from supervisor.cli.address import inside_session
from supervisor.client.api import SESSIONS, Client, session_path
from supervisor.core.names import Known, look_up
from workers.errors import Broken, Refused

Session = dict[str, Any]

AT_ONCE = 16  # requests to the box; further sessions wait for their turn

_ID = re.compile(r"session_(?:[a-z]+_)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_id(wanted: str) -> bool:
    """Whether this is a whole id, which needs no look-up."""
    return _ID.fullmatch(wanted) is not None


def find(client: Client, wanted: str) -> Session:
    """The session that `wanted` means, as the box shows it. Raises Refused `unknown_session`, or one with exit 2 and
    the list when several are meant."""
    if is_id(wanted):
        return dict(client.get(session_path(wanted)))
    if inside_session() and (own := _own_of_agent(client, wanted)):
        return own
    return choose(wanted, all_sessions(client), lambda: _asker(client))


def _own_of_agent(client: Client, wanted: str) -> Session | None:
    """The session whose agent asks, if `wanted` may mean it: the list, in which names are else looked up, is not an
    agent's to see."""
    you = client.get("/v1/box").get("you") or {}
    if you.get("role") != "agent" or not you.get("session"):
        return None
    own = dict(client.get(session_path(str(you["session"]))))
    return own if look_up(wanted, _known([own], None)) else None


def all_sessions(client: Client, **query: object) -> list[Session]:
    """Every session that the box shows, archived ones too unless the query says otherwise."""
    return list(pages(client, {"archived": "true", **query})["sessions"])


def pages(client: Client, query: dict[str, object]) -> dict[str, Any]:
    """The answer of the list's route, with the sessions of all pages in it."""
    answer: dict[str, Any] = client.ask("GET", SESSIONS, query=query)
    page = answer
    while cursor := page.get("next_cursor"):
        page = client.ask("GET", SESSIONS, query={**query, "cursor": cursor})
        answer["sessions"] += page["sessions"]
    answer.pop("next_cursor", None)
    return answer


def choose(wanted: str, sessions: Iterable[Session], asker: Callable[[], str | None]) -> Session:
    """The one that is meant. `asker` names the person who asks; it is called only when names are not enough."""
    by_id = {str(session["id"]): session for session in sessions}
    found = look_up(wanted, _known(by_id.values(), None))
    if len(found) > 1:
        found = look_up(wanted, _known(by_id.values(), asker()))
    if not found:
        raise Refused("unknown_session", f"there is no session {wanted}", "rc ls -a shows those that there are")
    if len(found) > 1:
        names = ", ".join(f"{each.id} ({each.name})" for each in found)
        raise Refused(
            "invalid",
            f"{wanted} may be any of {names}",
            "name one of them by its id",
            exit=exits.USAGE,
            sessions=[each.id for each in found],
        )
    return by_id[found[0].id]


def _known(sessions: Iterable[Session], person: str | None) -> list[Known]:
    return [
        Known(
            session["id"],
            session["name"],
            own=person is None or (session.get("created_by") or {}).get("person") == person,
            archived=bool(session.get("archived")),
        )
        for session in sessions
    ]


def _asker(client: Client) -> str | None:
    you = client.get("/v1/box").get("you") or {}
    person = you.get("person")
    return str(person) if person else None


@dataclass(frozen=True, slots=True)
class Done:
    """What came of one session: the answer of its route for programs, `text` for people, `note` for them as well but
    not on stdout."""

    answer: Any
    text: str = ""
    note: str = ""


def each(args: argparse.Namespace, act: Callable[[str], Done]) -> int:
    """Do something with every session in `args.sessions`, each as it was typed: side by side, because an end may take
    ten seconds of grace, and told in the order in which they were named. One fails, the others are still done.
    """
    if len(args.sessions) == 1:
        done = act(args.sessions[0])
        _tell(done, args.json)
        return exits.DONE
    results: list[object] = []
    first = exits.DONE
    for outcome in _side_by_side(act, args.sessions):
        if isinstance(outcome, Refused):
            results.append(printing.problem_of(outcome))
            first = first or exits.exit_of(outcome)
            if not args.json:
                printing.refuse(outcome, as_json=False)
        else:
            results.append(outcome.answer)
            if not args.json:
                _tell(outcome, as_json=False)
    if args.json:
        printing.value({"results": results})
    return first


def _side_by_side(act: Callable[[str], Done], sessions: Iterable[str]) -> Iterator[Done | Refused]:
    places = threading.BoundedSemaphore(AT_ONCE)
    under_way = [_UnderWay(act, wanted, places) for wanted in sessions]
    for one in under_way:
        one.start()
    for one in under_way:
        one.join()
        if isinstance(one.outcome, Done | Refused):
            yield one.outcome
        else:
            raise one.outcome


class _UnderWay(threading.Thread):
    def __init__(self, act: Callable[[str], Done], wanted: str, places: threading.BoundedSemaphore) -> None:
        super().__init__(daemon=True)  # Ctrl-C does not wait for what the box goes on with anyhow
        self._act = act
        self._wanted = wanted
        self._places = places
        self.outcome: Done | Exception

    def run(self) -> None:
        with self._places:
            try:
                self.outcome = self._act(self._wanted)
            except (Refused, Broken, OSError) as error:
                self.outcome = error


def _tell(done: Done, as_json: bool) -> None:
    if as_json:
        printing.value(done.answer)
        return
    if done.note:
        printing.note(done.note)
    if done.text:
        printing.block(done.text)
