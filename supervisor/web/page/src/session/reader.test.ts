import assert from "node:assert/strict";
import { test } from "node:test";

import type { Hello, ServerMessage, Session } from "./messages.ts";
import { FAR, Reader, TAIL, type Step } from "./reader.ts";

const SESSION = { id: "s", history: "h", last_seq: 7, terminal: { start: 0, offset: 100, rows: 24, columns: 80 } };

function hello(offset = 100, history = "h"): Hello {
  const session = { ...SESSION, history, terminal: { ...SESSION.terminal, offset } } as Session;
  return { type: "hello", protocol: 1, epoch: 1, history, session, role: "owner", connection: "c1", last_seq: 7 };
}

function output(offset: number, text: string): { kind: "output"; offset: number; data: Uint8Array } {
  return { kind: "output", offset, data: new TextEncoder().encode(text) };
}

function kinds(steps: Step[]): string[] {
  return steps.map((step) => step.do);
}

function written(steps: Step[]): string {
  return steps.map((step) => (step.do === "write" ? new TextDecoder().decode(step.data) : "")).join("");
}

/** A reader of a terminal that has its first screen, up to offset 100. */
function drawn(): Reader {
  const reader = new Reader(true, 7);
  reader.query();
  reader.message(hello());
  reader.message({ type: "screen", live_at: 100 });
  reader.octets({ kind: "state", offset: 97, data: new Uint8Array([27]) });
  reader.octets(output(97, "abc"));
  return reader;
}

function event(seq: number): ServerMessage {
  return { type: "event", seq, at: "", origin: "agent", update: { sessionUpdate: "plan" } };
}

test("a terminal begins with a screen, and a conversation with its last events", () => {
  assert.deepEqual(new Reader(true, 7).query(), { catch_up: "screen" });
  assert.deepEqual(new Reader(false, 7).query(), { catch_up: "all", after: 0 });
  assert.deepEqual(new Reader(false, TAIL + 7).query(), { catch_up: "all", after: 7 });
});

test("a snapshot is drawn muted, and the mute ends where it goes live", () => {
  const reader = new Reader(true, 7);
  reader.query();
  reader.message(hello());
  assert.deepEqual(kinds(reader.message({ type: "screen", live_at: 100 })), ["mute", "clear"]);
  assert.deepEqual(kinds(reader.message({ type: "size", rows: 5, columns: 9 })), ["size"]);
  assert.deepEqual(kinds(reader.octets({ kind: "state", offset: 90, data: new Uint8Array([27]) })), ["write"]);
  assert.deepEqual(kinds(reader.octets(output(90, "12345"))), ["write"]);
  assert.deepEqual(kinds(reader.octets(output(95, "67890"))), ["write", "unmute"]);
});

test("the second part of a snapshot begins at an offset of its own", () => {
  const reader = new Reader(true, 7);
  reader.query();
  reader.message(hello());
  reader.message({ type: "screen", live_at: 100 });
  reader.octets({ kind: "state", offset: 10, data: new Uint8Array([27]) });
  reader.octets(output(10, "12345"));
  reader.octets({ kind: "state", offset: 98, data: new Uint8Array([27]) });
  assert.equal(written(reader.octets(output(98, "xy"))), "xy");
});

test("an empty snapshot ends at once", () => {
  const reader = new Reader(true, 7);
  reader.query();
  reader.message(hello(0));
  reader.message({ type: "screen", live_at: 0 });
  assert.deepEqual(kinds(reader.octets({ kind: "state", offset: 0, data: new Uint8Array() })), ["unmute"]);
});

test("after a cut the terminal goes on at its offset", () => {
  const reader = drawn();
  reader.cut();
  assert.deepEqual(reader.query(), { catch_up: "all", after: 7, terminal_after: 100, history: "h" });
  assert.deepEqual(kinds(reader.message(hello(103))), ["greet", "mute"]);
  assert.deepEqual(kinds(reader.octets(output(100, "def"))), ["write", "unmute"]);
});

test("output that comes twice is drawn once", () => {
  const reader = drawn();
  assert.equal(written(reader.octets(output(98, "bcde"))), "de");
  assert.equal(written(reader.octets(output(98, "bcde"))), "");
  assert.equal(written(reader.octets(output(102, "f"))), "f");
});

test("where output is missing the screen is taken anew", () => {
  const reader = drawn();
  assert.deepEqual(kinds(reader.octets(output(101, "e"))), ["reopen"]);
  assert.deepEqual(kinds(reader.octets(output(102, "f"))), []);
  assert.deepEqual(kinds(reader.message(event(8))), []);
  reader.cut();
  assert.equal(reader.query().catch_up, "screen");
});

test("who missed more than a screen is worth takes the screen", () => {
  const reader = drawn();
  reader.cut();
  reader.query();
  assert.deepEqual(kinds(reader.message(hello(101 + FAR))), ["greet", "reopen"]);
  reader.cut();
  assert.equal(reader.query().catch_up, "screen");
});

test("whoever cannot follow leaves what is missing out", () => {
  const reader = drawn();
  reader.cut();
  reader.query();
  reader.message(hello());
  assert.equal(reader.catchesUp, true);
  reader.takeScreen();
  assert.equal(reader.query().catch_up, "screen");
  assert.equal(reader.catchesUp, false);
});

test("a snapshot that was cut off is taken anew", () => {
  const reader = new Reader(true, 7);
  reader.query();
  reader.message(hello());
  reader.message({ type: "screen", live_at: 100 });
  reader.octets({ kind: "state", offset: 10, data: new Uint8Array([27]) });
  reader.cut();
  assert.equal(reader.query().catch_up, "screen");
});

test("output that is no longer kept is not waited for", () => {
  const reader = drawn();
  reader.cut();
  reader.query();
  reader.message(hello(110));
  assert.deepEqual(kinds(reader.message({ type: "terminal_gap", from: 100, to: 105 })), ["reopen"]);
});

test("a screen replaces what a reader that fell behind has missed", () => {
  const reader = drawn();
  reader.message({ type: "behind", last_seq: 9, terminal_offset: 5000 });
  reader.message({ type: "screen", live_at: 5000 });
  reader.octets({ kind: "state", offset: 4999, data: new Uint8Array([27]) });
  assert.deepEqual(kinds(reader.octets(output(4999, "x"))), ["write", "unmute"]);
  reader.cut();
  assert.deepEqual(reader.query(), { catch_up: "all", after: 9, terminal_after: 5000, history: "h" });
});

test("an event is told once, whatever comes again after a cut", () => {
  const reader = new Reader(false, 7);
  reader.query();
  reader.message(hello());
  assert.deepEqual(kinds(reader.message(event(1))), ["event"]);
  assert.deepEqual(kinds(reader.message(event(1))), []);
  reader.cut();
  assert.equal(reader.query().after, 1);
  assert.deepEqual(kinds(reader.message(event(2))), ["event"]);
});

test("events that are no longer kept are a gap, behind which it goes on", () => {
  const reader = new Reader(false, 7);
  assert.deepEqual(reader.message({ type: "gap", from: 1, to: 5 }), [{ do: "gap", from: 1, to: 5 }]);
  assert.equal(reader.query().after, 5);
});

test("another history is begun anew", () => {
  const conversation = new Reader(false, 7);
  conversation.query();
  conversation.message(hello());
  const changed: ServerMessage = { type: "history_changed", history: "i", last_seq: 3, terminal_offset: 0 };
  assert.deepEqual(kinds(conversation.message(changed)), ["forget", "reopen"]);
  assert.deepEqual(conversation.query(), { catch_up: "all", after: 0, history: "i" });

  const terminal = drawn();
  assert.deepEqual(kinds(terminal.message(changed)), ["forget"]);
  terminal.cut();
  terminal.query();
  terminal.message(hello(100, "k"));
  assert.deepEqual(kinds(terminal.message({ ...changed, history: "k" })), ["forget"]);
});

test("a box that was set back is taken at its word", () => {
  const reader = drawn();
  reader.cut();
  reader.query();
  const error = { code: "invalid", detail: "", field: "terminal_after", end: 5 };
  assert.deepEqual(kinds(reader.message({ type: "refused", id: null, error })), ["forget", "reopen"]);
  assert.equal(reader.query().catch_up, "screen");
});

test("a refusal of a command is told with its id", () => {
  const error = { code: "lease_held", detail: "somebody types" };
  assert.deepEqual(new Reader(true, 7).message({ type: "refused", id: "c1", error }), [
    { do: "refuse", id: "c1", error },
  ]);
});

test("the lease is ours when its connection is", () => {
  const reader = drawn();
  const holder = { person: "owner", device: null, connection: "c1" };
  assert.deepEqual(reader.message({ type: "lease", holder, until: "" }), [{ do: "lease", holder, mine: true }]);
  assert.deepEqual(reader.message({ type: "lease", holder: null, until: null }), [
    { do: "lease", holder: null, mine: false },
  ]);
});

test("whoever is sent away is told why, and whether to come back", () => {
  const bye: ServerMessage = { type: "bye", reason: "revoked", retry: false };
  assert.deepEqual(new Reader(true, 7).message(bye), [{ do: "part", reason: "revoked", retry: false }]);
});
