"""The page as it is handed out: its policy, how long its files may be kept, and what nobody may learn from it."""

from __future__ import annotations

import gzip
import http.client
import re
from pathlib import Path

import pytest

from supervisor.core.access import PAGE_FILES, PAGES
from supervisor.web.page_routes import Page, router
from tests.supervisor.web.boxes import Answer, ServedBox
from workers.errors import Refused

PLACES = ["/", "/pair", "/new", "/devices", "/settings", "/code/session_x"]


@pytest.fixture
def port(box: ServedBox) -> int:
    url: str = box.ask("GET", "/v1/box").json["urls"][0]
    return int(url.rpartition(":")[2])


def get(port: int, path: str, **headers: str) -> Answer:
    """As a browser that nobody knows."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        line.request("GET", path, headers=headers)
        answer = line.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        line.close()


@pytest.mark.parametrize("path", PLACES)
def test_the_page_is_at_each_of_its_places_for_somebody_who_has_not_signed_in(port: int, path: str) -> None:
    answer = get(port, path)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert b'<div id="app">' in answer.body


def test_every_answer_has_one_policy_with_a_nonce_of_its_own(port: int) -> None:
    first, second = get(port, "/"), get(port, "/")
    nonces = []
    for answer in (first, second):
        found = re.search(r"style-src 'self' 'nonce-([\w-]{20,})'", answer.headers["content-security-policy"])
        assert found
        nonces.append(found[1])
        assert answer.body.count(f'nonce="{found[1]}"'.encode()) >= 1
        assert b"RC-NONCE" not in answer.body
        assert f'content="{answer.headers["dpop-nonce"]}"'.encode() in answer.body
    assert nonces[0] != nonces[1]


def test_the_policy_lets_in_nothing_but_the_box(port: int) -> None:
    policy = get(port, "/").headers["content-security-policy"]
    said = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
    assert said.pop("style-src").startswith("'self' 'nonce-")
    assert said == {
        "default-src": "'none'",
        "script-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self' data: blob:",
        "font-src": "'self'",
        "manifest-src": "'self'",
        "worker-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
    }


def test_the_rest_of_the_security_headers_is_that_of_every_answer(port: int) -> None:
    headers = get(port, "/").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"


def assets(port: int) -> list[str]:
    return re.findall(r'(?:src|href)="(/[^"]+)"', get(port, "/").body.decode())


def test_what_the_page_names_is_there_and_is_its_own(port: int) -> None:
    assert b"://" not in get(port, "/").body
    for path in assets(port):
        assert get(port, path).status == 200, path


def test_a_file_whose_name_holds_a_hash_may_be_kept_for_ever(port: int) -> None:
    script = next(path for path in assets(port) if path.endswith(".js"))
    packed = get(port, script, **{"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert packed.headers["content-type"] == "text/javascript; charset=utf-8"
    plain = get(port, script)
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(packed.body) == plain.body


@pytest.mark.parametrize(
    ("path", "media_type"),
    [("/offline.js", "text/javascript; charset=utf-8"), ("/manifest.webmanifest", "application/manifest+json")],
)
def test_a_file_that_keeps_its_name_is_asked_for_again(port: int, path: str, media_type: str) -> None:
    answer = get(port, path)
    assert answer.headers["content-type"] == media_type
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path", ["/assets/x.js", "/assets/..%2findex.html", "/assets/%2e%2e", "/icons/made-from", "/code/a/b", "/static"]
)
def test_nothing_else_is_handed_out(port: int, path: str) -> None:
    assert get(port, path).status in (401, 404)


async def test_a_box_that_was_installed_without_the_page_says_so(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="started without a page") as refused:
        await Page.read(tmp_path, str).show()
    assert refused.value.code == "not_found"


def test_every_place_has_a_route() -> None:
    assert {route.path for route in router(str).routes} == {*PAGES, *PAGE_FILES}  # type: ignore[attr-defined]  # all are APIRoutes


def test_the_service_worker_may_reach_the_box_and_nothing_else(port: int) -> None:
    policy = get(port, "/offline.js").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; connect-src 'self'; ")
