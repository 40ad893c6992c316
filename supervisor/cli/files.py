"""What a session works on: `diff`, `files`, `cp`."""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO
from urllib.parse import unquote_to_bytes

from supervisor.cli import client as clients
from supervisor.cli import exits, printing
from supervisor.cli.arguments import Parser, Verb, add_session, add_session_or_own, usage
from supervisor.cli.lookup import find
from workers.errors import Broken, Refused

OCTETS = "application/octet-stream"
MARKS = {"directory": "/", "link": "@", "other": "="}  # as `ls -F` has them
PIECE = 1 << 20  # octets of a file that are in memory at a time


def _diff_arguments(parser: Parser) -> None:
    add_session_or_own(parser)
    parser.add_argument("--stat", action="store_true", help="a line for each file instead of the patch")
    parser.add_argument("--against", choices=("base", "head"), help="what to compare with (default: base)")


def _diff(args: argparse.Namespace) -> int:
    client = clients.of(args)
    answer = client.get(clients.session_path(find(client, args.session)["id"], "diff"), against=args.against)
    if args.json:
        printing.value(answer)
        return exits.DONE
    printing.block(_stat(answer["files"]) if args.stat else answer["patch"])
    if answer.get("truncated"):
        printing.note("this is not all: the change is too large to be shown whole")
    return exits.DONE


def _stat(files: list[dict[str, Any]]) -> str:
    lines = []
    for file in files:
        amount = "binary" if file.get("binary") else f"+{file.get('added') or 0} -{file.get('removed') or 0}"
        lines.append(f"{printing.visible(str(file['path']))}  {file['status']}  {amount}")
    added, removed = (sum(file.get(name) or 0 for file in files) for name in ("added", "removed"))
    return "\n".join([*lines, f"{printing.count(len(files), 'file')}, +{added} -{removed}"])


def _files_arguments(parser: Parser) -> None:
    add_session(parser)
    parser.add_argument("path", nargs="?", metavar="PATH", default="", help="in the session's workspace")
    parser.add_argument("--raw", action="store_true", help="control characters of a file as they are")


def _files(args: argparse.Namespace) -> int:
    client = clients.of(args)
    path = clients.session_path(find(client, args.session)["id"], "files")
    with client.answer("GET", path, query={"path": args.path or None}) as answer:
        data, is_list = answer.read(), is_listing(answer.headers)
    if is_list:
        _show_listing(data, args)
    elif args.raw:
        sys.stdout.buffer.write(data)
    elif args.json:
        printing.value({"path": args.path, "content": data.decode(errors="backslashreplace")})
    else:
        printing.block(data.decode(errors="backslashreplace"))
    return exits.DONE


def is_listing(headers: Any) -> bool:
    """Whether an answer lists a directory; the content of a file never comes as JSON."""
    return str(headers.get("Content-Type", "")).startswith("application/json")


def _show_listing(data: bytes, args: argparse.Namespace) -> None:
    answer = json.loads(data)
    if args.json:
        printing.value(answer)
        return
    for entry in answer["entries"]:
        printing.line(f"{_name(entry)}{MARKS.get(entry['type'], '')}")
    if answer.get("truncated"):
        printing.note("this is not all: the directory has too many entries")


def _name(entry: dict[str, Any]) -> str:
    """The name as a shell takes it back: one with octets that cannot be shown as `$'…'`, as `ls` has it."""
    path = entry.get("path_encoded")
    octets = str(entry["name"]).encode() if path is None else unquote_to_bytes(path).rpartition(b"/")[2]
    try:
        name = octets.decode()
    except UnicodeDecodeError:
        name = ""
    if name and printing.visible(name) == name:
        return name
    return "$'" + "".join(_spelled(octet) for octet in octets) + "'"


def _spelled(octet: int) -> str:
    character = chr(octet)
    if character in "\\'":
        return f"\\{character}"
    return character if " " <= character <= "~" else f"\\x{octet:02x}"


def _cp_arguments(parser: Parser) -> None:
    parser.add_argument("source", metavar="SRC", help="a file, or S:PATH for one in a session; - is stdin")
    parser.add_argument("target", metavar="DST", help="a file or directory, or S:PATH; - is stdout")


def _cp(args: argparse.Namespace) -> int:
    source, target = split(args.source), split(args.target)
    if (source[0] is None) == (target[0] is None):
        raise usage("one of SRC and DST is in a session, as S:PATH, and one is here", "rc cp S:PATH .")
    client = clients.of(args)
    if source[0] is not None:
        told = _fetch(client, source[0], source[1], target[1])
    else:
        told = _bring(client, source[1], str(target[0]), target[1])
    if args.json:
        printing.value(told)
    return exits.DONE


def split(word: str) -> tuple[str | None, str]:
    """`S:PATH` as (session, path); anything with a slash before its colon, or no colon, is a path here."""
    session, colon, path = word.partition(":")
    return (session, path) if colon and session and "/" not in session else (None, word)


def _fetch(client: clients.Client, session: str, path: str, target: str) -> dict[str, object]:
    if not path:
        raise usage("a file is copied, not a whole workspace", "name it: rc cp S:PATH DST")
    route = clients.session_path(find(client, session)["id"], "files")
    target = os.path.join(target, os.path.basename(path)) if os.path.isdir(target) else target
    with client.answer("GET", route, query={"path": path}) as answer:
        if is_listing(answer.headers):
            raise Refused("invalid", f"{path} is a directory", "copy its files one by one; rc files lists them")
        size = int(answer.headers["Content-Length"])
        try:
            with _opened(target) as file:
                if _copy(answer, file) != size:
                    raise Broken(f"the box went away before all of {path} was here")
        except OSError as error:
            raise _local(target, error) from error
    return {"path": target, "size": size}


@contextlib.contextmanager
def _opened(target: str) -> Iterator[BinaryIO]:
    """A file to write to. One that is there stays as it is until the new one is whole; a pipe or a device cannot."""
    if target == "-" or (os.path.exists(target) and not os.path.isfile(target)):
        with open(1 if target == "-" else target, "wb", closefd=target != "-") as file:
            yield file
    else:
        with _replacing(os.path.realpath(target)) as file:  # what a link leads to is written, as `cp` does it
            yield file


@contextlib.contextmanager
def _replacing(target: str) -> Iterator[BinaryIO]:
    if os.path.exists(target):
        os.close(os.open(target, os.O_WRONLY | os.O_CLOEXEC))  # one that may not be written may not be replaced
    beside = f"{target}.{secrets.token_hex(4)}.part"
    try:
        with open(beside, "xb") as file:
            yield file
        with contextlib.suppress(FileNotFoundError):
            shutil.copymode(target, beside)
        os.rename(beside, target)
    except BaseException:  # also a Ctrl-C: nothing is left of what did not come to its end
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise


def _copy(source: http.client.HTTPResponse, file: BinaryIO) -> int:
    size = 0
    while piece := source.read(PIECE):
        size += file.write(piece)
    return size


def _bring(client: clients.Client, source: str, session: str, path: str) -> Any:
    if source == "-":
        data = sys.stdin.buffer.read()
    else:
        try:
            with open(source, "rb") as file:
                data = file.read()
        except OSError as error:
            raise _local(source, error) from error
    route = clients.session_path(find(client, session)["id"], "files")
    if not path or path.endswith("/") or _is_directory(client, route, path):
        if source == "-":
            raise usage("what comes on stdin has no name of its own", "name the file: S:PATH")
        path = os.path.join(path, os.path.basename(source))
    with client.answer("PUT", route, data, {"Content-Type": OCTETS}, {"path": path}) as answer:
        return json.loads(answer.read())


def _is_directory(client: clients.Client, route: str, path: str) -> bool:
    try:
        with client.answer("GET", route, headers={"Range": "bytes=0-0"}, query={"path": path}) as answer:
            return is_listing(answer.headers)
    except Refused as refused:
        if refused.code == "not_found":
            return False
        raise


def _local(path: str, error: OSError) -> Refused:
    return Refused("failed", f"{path}: {error.strerror}", "name a file that can be read and written")


VERBS = {
    "diff": Verb(_diff_arguments, _diff),
    "files": Verb(_files_arguments, _files),
    "cp": Verb(_cp_arguments, _cp),
}
