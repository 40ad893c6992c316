"""`rc serve`: what was asked for, read here and carried out by the supervisor's own start."""

from __future__ import annotations

import argparse
import os

from supervisor.cli import exits
from supervisor.cli.arguments import Parser, Verb, number
from supervisor.core.options import CAPACITY_MAX, SPAWN_MODES
from supervisor.serveoptions import ServeOptions
from workers.errors import Refused


def _arguments(parser: Parser) -> None:
    parser.add_argument("projects", nargs="*", metavar="PROJECT", help="directories to serve")
    add = parser.add_argument
    add("--spawn", choices=SPAWN_MODES, help="where new sessions work (at first: same-dir)")
    add("--capacity", type=number(1, CAPACITY_MAX), metavar="N", help="how many sessions may run (at first: 32)")
    add("--name", metavar="TEXT", help="name of the box (at first: the host's)")
    add("--agent", metavar="NAME", help="agent of new sessions")
    add("--listen", action="append", metavar="ADDR:PORT", help="repeatable (at first: 127.0.0.1:7420; port 0: any)")
    add("--tls-cert", metavar="FILE", help="speak TLS with this PEM certificate")
    add("--tls-key", metavar="FILE", help="the key of that certificate")
    help = "address or network of a reverse proxy whose forwarded headers count; repeatable"
    add("--behind-proxy", action="append", metavar="ADDRESS", help=help)
    add("--public-url", action="append", metavar="URL", help="how others reach this box; repeatable")
    help = "one session in the first project's directory (the default)"
    add("--create-session-in-dir", action=argparse.BooleanOptionalAction, default=None, help=help)
    add("--verbose", action="store_true", help="more log lines")
    add("--config", metavar="FILE", help="settings, instead of ~/.config/rc/box.toml")
    add("--log-json", action="store_true", help="log lines as JSON")
    add("-d", "--detach", action="store_true", help="return when the box is ready")
    add("--take-over", action="store_true", help="end the supervisor that runs here, and go on")
    add("-c", "--continue", dest="continue_", action="store_true", help="resume what a reboot or a crash has ended")


def options(args: argparse.Namespace) -> ServeOptions:
    """The words of `rc serve` as the start takes them."""
    return ServeOptions(
        projects=tuple(map(os.path.abspath, args.projects)),
        spawn=args.spawn,
        capacity=args.capacity,
        name=args.name,
        agent=args.agent,
        listen=_all(args.listen),
        tls_cert=_file(args.tls_cert),
        tls_key=_file(args.tls_key),
        behind_proxy=_all(args.behind_proxy),
        public_url=_all(args.public_url),
        create_session_in_dir=args.create_session_in_dir,
        verbose=args.verbose,
        config=args.config,
        log_json=args.log_json,
        json=args.json,
        detach=args.detach,
        take_over=args.take_over,
        continue_=args.continue_,
        state_dir=args.state_dir,
    )


def _all(given: list[str] | None) -> tuple[str, ...] | None:
    return tuple(given) if given else None


def _file(given: str | None) -> str | None:
    """Absolute, for starts from elsewhere; an empty one takes away what was remembered."""
    return os.path.abspath(os.path.expanduser(given)) if given else given


def _serve(args: argparse.Namespace) -> int:
    from supervisor import app  # trio and all the rest, which no other verb should wait for

    try:
        return app.serve(options(args))
    except Refused as refused:
        if refused.code != "not_allowed":
            refused.fields["exit"] = exits.CANNOT_BE_HAD  # whatever a box cannot start with is configuration
        raise


VERBS = {"serve": Verb(_arguments, _serve)}
