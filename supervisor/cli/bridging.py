"""Verbs of remote workers: `bridge` makes an exchange on the box, `worker` runs a session elsewhere with it."""

from __future__ import annotations

import argparse
import json
import os

from supervisor.cli import client as clients
from supervisor.cli import exits, printing
from supervisor.cli.arguments import Parser, Verb, add_session
from supervisor.cli.lookup import find
from supervisor.client.transport import Transport
from supervisor.client.wholefile import open_whole
from supervisor.statedir import state_dir_of
from workers.errors import Refused


def _bridge_arguments(parser: Parser) -> None:
    add_session(parser)
    parser.add_argument("--out", metavar="FILE", help="write it there, for nobody else to read, instead of to stdout")


def _bridge(args: argparse.Namespace) -> int:
    client = clients.of(args)
    session = find(client, args.session)
    path = clients.session_path(session["id"], "bridge")
    if args.out is None:
        printing.value(client.post(path))
        return exits.DONE
    try:
        # Before the exchange is made: it voids the one before, by which a worker may be running.
        with open_whole(args.out) as file:
            answer = client.post(path)
            file.write(json.dumps(answer).encode("ascii") + b"\n")
    except OSError as error:
        raise Refused("invalid", f"{args.out} cannot be written: {error.strerror}", "name another file") from error
    until = f"good for {answer['expires_in'] // 60} minutes"
    printing.note(f"{args.out} lets a worker come in, {until}: rc worker {answer['api_base_url']} --bridge FILE")
    return exits.DONE


def _worker_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add("url", metavar="URL", help="the box: https://host[:port], or unix:PATH of its socket")
    add("--bridge", metavar="FILE", help="the answer of rc bridge, read again when it is void; - or none: stdin, once")
    add("--ca", metavar="FILE", help="a certificate to trust instead of the system's, for a box with its own")


def _worker(args: argparse.Namespace) -> int:
    from supervisor.remote.exchange import source
    from supervisor.remote.work import VOID, be_worker

    exchanges = source(args.bridge)
    state_dir = state_dir_of(args.state_dir, os.environ)
    try:
        asked = be_worker(_transport(args.url, args.ca), exchanges, state_dir, log_json=args.json)
    except Refused as refused:
        if refused.code not in VOID:
            raise
        detail = f"{refused.detail}; what runs here runs on"
        hint = "make a new exchange on the box (rc bridge SESSION --out FILE), then start rc worker again"
        raise Refused(refused.code, detail, hint, **{**refused.fields, "exit": exits.NEW_EXCHANGE}) from refused
    return exits.DONE if asked is None else exits.SIGNALLED + asked


def _transport(url: str, ca: str | None) -> Transport:
    """The way there. Nobody signs in: the exchange is what lets a worker in."""
    if not url.startswith(("https:", "http:")):
        from supervisor.client.address import of_url

        return of_url(url).transport
    from supervisor.client.web import origin_of, web

    return web(origin_of(url), None, _certificate(ca))


def _certificate(path: str | None) -> str | None:
    if path is None:
        return None
    with open(path, encoding="ascii") as file:
        return file.read()


VERBS = {"bridge": Verb(_bridge_arguments, _bridge), "worker": Verb(_worker_arguments, _worker)}
