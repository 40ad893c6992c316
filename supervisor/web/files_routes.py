"""Routes of a session's workspace: what changed in it, its directories and files."""

from __future__ import annotations

import os
import re
from contextlib import AsyncExitStack, aclosing
from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import parse_qsl, quote

from fastapi import APIRouter, Header, Query
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from supervisor.core.access import SESSION
from supervisor.core.answers import Entry, FileFacts, Listing
from supervisor.sessions.box import Box
from supervisor.sessions.inspect import Content
from supervisor.web import models, shapes
from supervisor.web.responses import Json, Problem
from supervisor.web.shapes import json_answer, octets_answer
from workers.core.events import now_text
from workers.errors import Refused

Span = tuple[int | None, int | None]
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.ASCII)
FILE = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


def router(box: Box) -> APIRouter:
    """All of them ask an inspector: an agent's tree is hostile ground."""
    routes, ours = APIRouter(), FilesRoutes(box)
    listed = json_answer(shapes.LISTING, "A directory's entries, or a file's content")
    content: dict[int | str, shapes.Shape] = {
        200: {**listed, "content": {**listed["content"], **FILE}},
        206: octets_answer("Part of a file"),
    }
    routes.get(SESSION + "/diff", responses={200: json_answer(shapes.DIFF)})(ours.diff)
    routes.get(SESSION + "/files", responses=content)(ours.read)
    body = {"requestBody": {"required": True, "content": FILE}}
    written: dict[int | str, shapes.Shape] = {
        200: json_answer(shapes.WRITTEN),
        201: json_answer(shapes.WRITTEN, "It is new"),
    }
    routes.put(SESSION + "/files", responses=written, openapi_extra=body)(ours.write)
    return routes


class FilesRoutes:
    def __init__(self, box: Box) -> None:
        self._box = box

    async def diff(self, id: str, query: Annotated[models.DiffQuery, Query()]) -> Response:
        found = await self._box.contents.diff(self._box.session(id), query.against)
        files = [asdict(change) for change in found.files]
        return Json({"files": files, "patch": found.patch, "truncated": found.truncated})

    async def read(
        self,
        request: Request,
        id: str,
        query: Annotated[models.FilesQuery, Query()],
        range: Annotated[str | None, Header()] = None,
    ) -> Response:
        path = asked_path(request)
        session, span = self._box.session(id), parse_range(range)
        stack = AsyncExitStack()
        files = self._box.contents.files
        try:
            try:
                found = await stack.enter_async_context(files(session, path, span))
            except Refused as refused:
                size = refused.fields.get("size")
                if span is None or size is None:
                    raise
                if size:
                    return _unsatisfiable(refused, size)
                # Some clients limit every request by a range; an empty file is then a whole answer.
                span, found = None, await stack.enter_async_context(files(session, path))
            if isinstance(found, Content):
                return FileContent(path, found, span is not None, stack.pop_all())
            return Json(_listing(path, found))
        finally:
            await stack.aclose()

    async def write(self, request: Request, id: str, query: Annotated[models.FileQuery, Query()]) -> Response:
        box, path, body = self._box, asked_path(request), await request.body()
        session = box.session(id)
        facts = await box.carry_out(lambda: box.contents.write(session, path, body))
        told = {"path": _shown(path), "size": facts.size, **_facts(facts)}
        return Json(told, status_code=201 if facts.created else 200)


def asked_path(request: Request) -> str:
    """The path of a query as `os.fsdecode` has it: a file's name is octets, which need not be UTF-8, and a query that
    was parsed as text has lost them. Raises Refused `invalid` for more than one."""
    asked = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True, errors="surrogateescape")
    paths = [value for name, value in asked if name == "path"]
    if len(paths) > 1:
        raise Refused("invalid", "the query has more than one `path`", "ask for one after the other")
    return paths[0] if paths else ""


def _shown(path: str) -> str:
    return os.fsencode(path).decode(errors="backslashreplace")


def parse_range(header: str | None) -> Span | None:
    """The one range of a `Range` header: first and last octet, or None and how many at the end. None where there is
    none that we serve; the whole file is then a right answer (RFC 9110 §14.2)."""
    match = _RANGE.fullmatch(header.replace(" ", "")) if header else None
    if match is None or match[0] == "bytes=-":
        return None
    first, last = (int(number) if number else None for number in match.groups())
    return None if first is not None and last is not None and last < first else (first, last)


class FileContent(Response):
    """A file on its way, or a part of it: always as an attachment, never as something that a browser would show."""

    def __init__(self, path: str, content: Content, partial: bool, opened: AsyncExitStack) -> None:
        super().__init__(status_code=206 if partial else 200, media_type="application/octet-stream")
        facts = content.facts
        self.headers["content-length"] = str(facts.end - facts.start)
        self.headers["accept-ranges"] = "bytes"
        name = quote(path.rpartition("/")[2], safe="", errors="surrogateescape")
        self.headers["content-disposition"] = f"attachment; filename*=UTF-8''{name}"
        if partial:
            self.headers["content-range"] = f"bytes {facts.start}-{facts.end - 1}/{facts.size}"
        self._content = content
        self._opened = opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._opened, aclosing(self._content.chunks()) as chunks:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


def _unsatisfiable(refused: Refused, size: object) -> Response:
    answer = Problem(refused, status=416)
    answer.headers["content-range"] = f"bytes */{size}"
    return answer


def _listing(path: str, found: Listing) -> dict[str, Any]:
    """A directory as GET shows it. An entry's `path_encoded` may be given back as it stands, behind `?path=`:
    it is the path from the workspace, each octet of it that is none of RFC 3986's unreserved ones as `%FF`."""
    above = os.fsencode(path).strip(b"/")
    entries = [
        {
            "name": each.name,
            "path_encoded": quote(above + b"/" + each.octets if above else each.octets),
            "type": each.type,
            "size": each.size,
            **_facts(each),
        }
        for each in found.entries
    ]
    return {"path": _shown(path), "entries": entries, "truncated": found.truncated}


def _facts(of: Entry | FileFacts) -> dict[str, Any]:
    return {"mode": f"{of.mode:04o}", "modified_at": now_text(of.modified_ns)}
