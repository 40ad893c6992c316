"""`rc pair`: lets a new device in. Only that device shows the number, and only a person at the box types it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from supervisor.cli import client as clients
from supervisor.cli import exits, printing, qrprint
from supervisor.cli.address import is_terminal
from supervisor.cli.arguments import Parser, Verb, usage
from supervisor.client.api import Client, given
from supervisor.core.links import Offer, best
from supervisor.core.pairing import NUMBER_DIGITS, PAIRING_SECONDS
from workers.errors import Broken, Refused

PAIRINGS = "/v1/pairings"
GRACE_SECONDS = 5.0  # for the box to say itself that the time is up
ENDS = {  # how a pairing ended that came to nothing: the exit code, and why
    "refused": (exits.REFUSED, "the pairing has ended: wrong numbers, wrong codes, or it was called off"),
    "expired": (exits.TIMED_OUT, "nobody was let in within five minutes"),
}

Pairing = Mapping[str, Any]


def _arguments(parser: Parser) -> None:
    parser.add_argument("--role", metavar="R", help="what whoever uses the device may do: admin, in this release")
    parser.add_argument("--person", metavar="P", help="who uses it: owner, in this release")
    parser.add_argument("--accept", metavar="NUMBER", help="let the device in that shows these six digits")
    parser.add_argument("--pairing", metavar="ID", help="which pairing NUMBER is for, where several are open")


def _pair(args: argparse.Namespace) -> int:
    if args.pairing and args.accept is None:
        raise usage("--pairing says which pairing a number is for", "rc pair --accept NUMBER --pairing ID")
    client = clients.of(args)
    if args.accept is not None:
        device = accept(client, args.pairing or _only_one(client), args.accept)
        if args.json:
            printing.value(device)
        else:
            printing.line(f"{device['label']} is paired: {device['id']}")
        return exits.DONE
    invitation = client.post(PAIRINGS, given(role=args.role, person=args.person))
    if args.json:
        printing.value(invitation)
        return exits.DONE
    return _see_through(client, invitation)


def accept(client: Client, pairing: str, number: str) -> Any:
    """Let the device of a pairing in: it, as the box shows it."""
    digits = "".join(number.split())
    if len(digits) != NUMBER_DIGITS or not (digits.isascii() and digits.isdigit()):
        raise usage(f"{number!r} is not a number of six digits", "type the one that the new device shows")
    try:
        return client.post(f"{PAIRINGS}/{pairing}/accept", {"number": digits})
    except Refused as refused:
        if "tries_left" in refused.fields:  # understood, and wrong
            refused.fields["exit"] = exits.REFUSED
            refused.detail += _left(refused.fields["tries_left"])
        raise


def _left(tries: object) -> str:
    return "" if not tries else f"; {tries} {'try' if tries == 1 else 'tries'} left"


def _only_one(client: Client) -> str:
    """The pairing whose device waits for its number."""
    known = client.get(PAIRINGS)["pairings"]
    waiting = [each for each in known if each["state"] == "waiting" and each["opened"]]
    if not waiting:
        raise Refused("not_found", "no device waits for its number", "rc pair makes a link that one can open")
    if len(waiting) > 1:
        named = ", ".join(f"{each['id']} ({_who(each)})" for each in waiting)
        detail, hint = f"several devices wait: {named}", "name one with --pairing ID"
        raise Refused("invalid", detail, hint, exit=exits.USAGE, pairings=waiting)
    return str(waiting[0]["id"])


def _who(pairing: Pairing) -> str:
    claimed = pairing.get("claimed") or {}
    return f"{claimed['label']}, {claimed['address']}" if claimed.get("label") else str(claimed.get("address"))


def _see_through(client: Client, invitation: Mapping[str, Any]) -> int:
    """Show an invitation, and wait for what comes of it."""
    from supervisor.client.line import run

    _show(invitation)
    try:
        ended: Pairing = run(_wait, client, str(invitation["id"]))
    except KeyboardInterrupt:
        client.ask("DELETE", f"{PAIRINGS}/{invitation['id']}")
        printing.note("the pairing is called off")
        return exits.INTERRUPTED
    if ended["state"] == "accepted":
        printing.line(f"{(ended['claimed'] or {}).get('label')} is paired: {ended.get('device')}")
        return exits.DONE
    code, why = ENDS.get(str(ended["state"]), (exits.FAILED, "the box has forgotten the pairing"))
    raise Refused("failed", why, "rc pair makes another", exit=code)


def _show(invitation: Mapping[str, Any]) -> None:
    until = datetime.fromisoformat(invitation["expires_at"]).astimezone()
    offer = best(invitation.get("urls") or [url for url in (invitation.get("url"),) if url])
    if offer is not None:
        printing.line(f"Open this on the new device, until {until:%H:%M:%S}:")
        printing.block(f"\n  {offer.link}\n")
        if offer.for_others and not qrprint.show(offer.link) and is_terminal(1):
            printing.note("its QR code does not fit this terminal")
        for advice in offer.advice:
            printing.line(f"  {advice}")
    printing.block("\n" + _by_code(offer, str(invitation["code"])) + "\n")
    printing.block("Waiting for the device; Ctrl-C calls it off.\n")
    sys.stdout.flush()


def _by_code(offer: Offer | None, code: str) -> str:
    if offer is None:
        return f"The code for the box's page is {code}.\n"
    where = offer.origin
    return f"Or open {where}/pair and type the code {code},\nor run there: rc login {where}\n"


async def _wait(client: Client, id: str) -> Pairing:
    """Tell how it goes until it has ended; on a terminal take the number that is typed."""
    import trio

    from supervisor.client.boxstream import UPDATES, follow_box

    told, updates = trio.open_memory_channel[Mapping[str, Any]](UPDATES)
    teller = _Teller(id)
    ended: Pairing = {"state": "expired"}  # as it is when its box did not come back in time to say so
    async with trio.open_nursery() as tasks:
        tasks.cancel_scope.deadline = trio.current_time() + PAIRING_SECONDS + GRACE_SECONDS
        tasks.start_soon(follow_box, client, told)
        if is_terminal(0):
            tasks.start_soon(_take_numbers, client, teller)
        async for message in updates:
            pairing = await _of(message, client, id)
            if pairing is not None and not teller.tell(pairing):
                ended = pairing
                tasks.cancel_scope.cancel()
    return ended


async def _of(message: Mapping[str, Any], client: Client, id: str) -> Pairing | None:
    """What a message means for this pairing; None where it is about something else."""
    import trio

    if message["type"] == "pairing" and message["pairing"]["id"] == id:
        return dict(message["pairing"])
    if message["type"] != "hello":
        return None
    try:  # a `hello` follows on a cut, in which anything may have happened
        return dict(await trio.to_thread.run_sync(client.get, f"{PAIRINGS}/{id}"))
    except Refused as refused:
        if refused.code != "not_found":
            raise
        return {"state": "forgotten", "claimed": None, "contenders": [], "opened": False}


class _Teller:
    """Says what is new of a pairing. `waits` is set when there is a number to type."""

    def __init__(self, id: str) -> None:
        import trio

        self.id = id
        self.waits = trio.Event()
        self._address: str | None = None
        self._contenders: set[str] = set()

    def tell(self, pairing: Pairing) -> bool:
        """Whether there is more to come."""
        claimed = pairing["claimed"] or {}
        if claimed and self._address is None:
            self._address = str(claimed["address"])
            printing.line(f"claimed from {self._address}")
        for address in pairing["contenders"]:
            if address not in self._contenders:
                self._contenders.add(address)
                printing.line(f"another device tried the same link or code: {address}")
        is_open = bool(pairing["state"] == "waiting")
        if pairing["opened"] and is_open and not self.waits.is_set():
            self._ask(str(claimed["label"]))
        sys.stdout.flush()
        return is_open

    def _ask(self, label: str) -> None:
        self.waits.set()
        printing.line(f"{label} ({self._address}) wants in.")
        if is_terminal(0):
            printing.line("Type the six digits that it shows, and Enter:")
        else:
            printing.line(f"Let it in: rc pair --accept NUMBER --pairing {self.id}")


async def _take_numbers(client: Client, teller: _Teller) -> None:
    import trio

    from supervisor.cli import ownterminal

    while line := (await ownterminal.read()).decode(errors="replace"):
        if not line.strip():
            continue
        if not teller.waits.is_set():
            printing.note("no device waits for its number yet")
            continue
        try:
            await trio.to_thread.run_sync(accept, client, teller.id, line.strip())
        except Refused as refused:
            printing.refuse(refused, as_json=False)
        except Broken as broken:
            printing.note(str(broken))
    await trio.sleep_forever()  # nobody types any more; another shell may still accept


VERBS = {"pair": Verb(_arguments, _pair)}
