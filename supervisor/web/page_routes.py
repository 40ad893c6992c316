"""The page: what was built from `page/` into `static/`, the same for everybody, held in memory while the box runs."""

from __future__ import annotations

import gzip
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from supervisor.core.access import PAGE_FILES, PAGES
from supervisor.web.responses import Problem
from workers.errors import Refused

STATIC = Path(__file__).parent / "static"
NONCE_PLACE = b"RC-NONCE"  # where vite.config.ts has put it into index.html
PROOF_PLACE = b"RC-PROOF"
NONCE_OCTETS = 16
FOREVER = "public, max-age=31536000, immutable"  # for names that hold a hash of their content
ASK_FIRST = "no-cache"
A_DAY = "public, max-age=86400"
# A service worker is ruled by the policy that came with it, not by the page's.
WORKER_POLICY = "default-src 'none'; connect-src 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
MEDIA_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}


def policy(nonce: str) -> str:
    """What the page may load and run (Content-Security-Policy): its own files, and styles that carry `nonce`, since
    xterm.js makes `<style>` elements."""
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; connect-src 'self'; "
        "img-src 'self' data: blob:; font-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    )


@dataclass(frozen=True, slots=True)
class File:
    """One file of the page. `octets` as they lie there, which is compressed where `gzipped`."""

    octets: bytes
    media_type: str
    kept: str
    gzipped: bool


class Page:
    """All of it. Read once: an upgrade on the disk must not mix its files with those of the box that runs."""

    def __init__(self, index: bytes | None, files: dict[str, File], proof_nonce: Callable[[], str]) -> None:
        self._index = index
        self._files = files
        self._proof_nonce = proof_nonce

    @classmethod
    def read(cls, directory: Path, proof_nonce: Callable[[], str]) -> Page:
        """What was built into `directory`; a page of which nothing is there says so when it is asked for. `proof_nonce`
        gives what the page's first proof is to carry, which saves it a round trip."""
        found = {f"/{path.relative_to(directory)}": path for path in directory.rglob("*") if path.is_file()}
        files = {name.removesuffix(".gz"): _read(name, path) for name, path in found.items() if _is_served(name)}
        index = found.get("/index.html")
        return cls(index.read_bytes() if index else None, files, proof_nonce)

    async def show(self) -> Response:
        """The page at any of its places: it finds out by itself where it stands."""
        if self._index is None:
            raise Refused("not_found", "this box was started without a page", "install it anew: pip install rcbox")
        nonce = secrets.token_urlsafe(NONCE_OCTETS)
        octets = self._index.replace(NONCE_PLACE, nonce.encode("ascii"))
        octets = octets.replace(PROOF_PLACE, self._proof_nonce().encode("ascii"))
        headers = {"content-security-policy": policy(nonce), "cache-control": "no-store"}
        return Response(octets, media_type="text/html; charset=utf-8", headers=headers)

    async def file(self, request: Request) -> Response:
        found = self._files.get(request.url.path)
        if found is None:  # an older page asks for a file of its own version
            return Problem(Refused("not_found", "the page has no such file", "load the page again"))
        headers = {"cache-control": found.kept, "vary": "accept-encoding"}
        if request.url.path == "/offline.js":
            headers["content-security-policy"] = WORKER_POLICY
        octets = found.octets
        if found.gzipped and "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
        elif found.gzipped:
            octets = gzip.decompress(octets)
        return Response(octets, media_type=found.media_type, headers=headers)


def router(proof_nonce: Callable[[], str]) -> APIRouter:
    """Rows for all places of the page; none of them is in the API's description."""
    routes, page = APIRouter(), Page.read(STATIC, proof_nonce)
    for template in PAGES:
        routes.get(template, include_in_schema=False)(page.show)
    for template in PAGE_FILES:
        routes.get(template, include_in_schema=False)(page.file)
    return routes


def _is_served(name: str) -> bool:
    return Path(name.removesuffix(".gz")).suffix in MEDIA_TYPES


def _read(name: str, path: Path) -> File:
    plain = name.removesuffix(".gz")
    kept = FOREVER if plain.startswith("/assets/") else A_DAY if plain.startswith("/icons/") else ASK_FIRST
    return File(path.read_bytes(), MEDIA_TYPES[Path(plain).suffix], kept, gzipped=plain != name)
