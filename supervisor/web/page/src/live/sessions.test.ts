import assert from "node:assert/strict";
import { test } from "node:test";
import type { SessionState } from "../api/types.ts";
import { session } from "./examples.ts";
import { condition, ending, grouped } from "./sessions.ts";
import { verbsFor } from "./verbs.ts";

const names = (sessions: readonly { name: string }[] | undefined) => sessions?.map((each) => each.name);

test("those that wait for an answer come first, then those that live, then the rest", () => {
  const found = grouped(
    [
      session({ id: "1", name: "ended", state: "exited" }),
      session({ id: "2", name: "idle" }),
      session({ id: "3", name: "asks", turn: "waiting_for_approval" }),
      session({ id: "4", name: "put away", archived: true, state: "exited" }),
      session({ id: "5", name: "asks too", open_approvals: 1 }),
      session({ id: "6", name: "sleeps", state: "suspended" }),
    ],
    "",
  );
  assert.deepEqual([...found].map(([group, sessions]) => [group, sessions.map((each) => each.name).sort()]), [
    ["waiting", ["asks", "asks too"]],
    ["live", ["idle"]],
    ["ended", ["ended", "sleeps"]],
    ["archived", ["put away"]],
  ]);
});

test("in each group the newest comes first", () => {
  const found = grouped([
    session({ id: "a", name: "older", created_at: "2026-01-01T00:00:00.000Z" }),
    session({ id: "b", name: "newer", created_at: "2026-01-02T00:00:00.000Z" }),
  ], "");
  assert.deepEqual(names(found.get("live")), ["newer", "older"]);
});

test("a search wants every word somewhere, in whatever case", () => {
  const sessions = [session({ id: "1", name: "Fix login", agent: "claude" }), session({ id: "2", name: "fix docs", agent: "codex" })];
  assert.deepEqual(names(grouped(sessions, "FIX claude").get("live")), ["Fix login"]);
  assert.deepEqual(names(grouped(sessions, "fix").get("live"))?.sort(), ["Fix login", "fix docs"]);
  assert.deepEqual(names(grouped(sessions, "nothing").get("live")), []);
});

test("how a session is, in a word", () => {
  assert.equal(condition(session()), "idle");
  assert.equal(condition(session({ turn: "running" })), "working");
  assert.equal(condition(session({ turn: null })), "running");
  assert.equal(condition(session({ turn: "waiting_for_approval" })), "waiting for you");
  assert.equal(condition(session({ state: "suspended" })), "suspended");
  assert.equal(condition(session({ unresponsive: true, turn: "running" })), "not answering");
});

test("how a session ended", () => {
  assert.equal(ending(session()), null);
  assert.equal(ending(session({ exit: { code: 0, signal: null, reason: "ended" } })), "ended");
  assert.equal(ending(session({ exit: { code: 2, signal: null, reason: "ended" } })), "ended, exit code 2");
  assert.equal(ending(session({ exit: { code: null, signal: "SIGKILL", reason: "killed" } })), "killed, signal SIGKILL");
});

test("verbs fit the state, and what is put away can only come back or go", () => {
  const of = (state: SessionState) => verbsFor(session({ state }));
  assert.deepEqual(of("running"), ["rename", "suspend", "stop"]);
  assert.deepEqual(of("exited"), ["rename", "resume", "archive", "delete"]);
  assert.deepEqual(of("stopping"), ["rename"]);
  assert.deepEqual(verbsFor(session({ state: "exited", archived: true })), ["restore", "delete"]);
});
