"""`rc`: finds the verb, reads its words, runs it, and is the one place where failures become exit codes."""

from __future__ import annotations

import argparse
import errno
import io
import signal
import sys
from collections.abc import Sequence

from supervisor.cli import arguments, descriptors, exits, overview, printing
from workers.errors import Broken, Refused

WITH_VALUE = ("--state-dir", "--box")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; without one, that of this process. Gives the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    descriptors.fill_closed()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a locale without UTF-8 is no reason to fail
    try:
        return _run(words)
    except BrokenPipeError:
        return exits.SIGNALLED + signal.SIGPIPE  # whoever read our output has enough
    finally:
        descriptors.let_go()


def _run(words: list[str]) -> int:
    known = argparse.Namespace(state_dir=None, box=None, json=False)
    try:
        code = _dispatch(words, known)
        sys.stdout.flush()  # here, because it fails as everything else does
        return code
    except Refused as refused:
        # Words that could not be read leave `json` unset, and whoever wrote --json still wants JSON.
        printing.refuse(refused, known.json or "--json" in words)
        return exits.exit_of(refused)
    except Broken as broken:
        lost = Refused("unreachable", str(broken), "try again; rc status shows whether the box runs")
        printing.refuse(lost, known.json)
        return exits.UNREACHABLE
    except BrokenPipeError:
        raise
    except OSError as error:  # a directory that is gone, a disk that is full, a terminal that was taken away
        printing.refuse(_failed(error), known.json)
        return exits.FAILED
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except SystemExit as ended:  # argparse has printed help
        return ended.code if isinstance(ended.code, int) else exits.DONE


def _failed(error: OSError) -> Refused:
    if error.errno == errno.EBADF and error.filename is None:
        return Refused("failed", "stdout is closed", "to have no output, say > /dev/null")
    what = ": ".join(str(part) for part in (error.filename, error.strerror or error) if part)
    return Refused("failed", what, "rc doctor looks at this machine")


def _dispatch(words: list[str], known: argparse.Namespace) -> int:
    rest = _read_front(words, known)
    if words and not rest:
        raise arguments.usage("there is no command", "rc -h shows what there is")
    if not rest or rest[0] in ("-h", "--help"):
        sys.stdout.write(overview.text())
        return exits.DONE
    if rest[0] == "help":  # as git and docker have it: rc help, rc help VERB
        rest = [*rest[1:], "-h"]
        return _dispatch(rest, known)
    name = "version" if rest[0] == "--version" else rest[0]
    entry = overview.VERBS.get(name)
    if entry is None:
        what = "option" if name.startswith("-") else "command"
        raise arguments.usage(f"there is no {what} {name}", "rc -h shows what there is")
    verb = overview.load(name)
    args = arguments.read(name, entry.help, verb, rest[1:], known)
    return verb.run(args)


def _read_front(words: list[str], known: argparse.Namespace) -> list[str]:
    """Take the options before the verb; what is left begins with the verb."""
    rest = list(words)
    while rest:
        name, given, value = rest[0].partition("=")
        if rest[0] == "--json":
            known.json = True
        elif name in WITH_VALUE:
            if not given:
                rest.pop(0)
                if not rest:
                    raise arguments.usage(f"{name} without its value")
                value = rest[0]
            setattr(known, name[2:].replace("-", "_"), value)
        else:
            break
        rest.pop(0)
    return rest
