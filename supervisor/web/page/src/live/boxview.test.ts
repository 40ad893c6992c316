import assert from "node:assert/strict";
import { test } from "node:test";
import type { BoxFacts, BoxMessage, Pairing } from "../api/types.ts";
import { fold, NOTHING, type BoxView } from "./boxview.ts";
import { session } from "./examples.ts";

const box = { name: "den", capacity: 32, used: 1 } as BoxFacts;
const pairing: Pairing = { id: "pairing_1", state: "waiting", expires_at: "", claimed: null, contenders: [], tries_left: 3 };
const after = (...messages: BoxMessage[]): BoxView => messages.reduce(fold, NOTHING);
const hello: BoxMessage = { type: "hello", box, sessions: [session(), session({ id: "session_2" })], approvals: [] };

test("a hello is all there is: what was known before and is not in it has gone", () => {
  const view = after({ type: "session", session: session({ id: "session_old" }) }, hello);
  assert.deepEqual([...view.sessions.keys()], ["session_1", "session_2"]);
  assert.equal(view.box, box);
});

test("a session comes, changes and goes", () => {
  const changed = after(hello, { type: "session", session: session({ name: "new name" }) });
  assert.equal(changed.sessions.get("session_1")?.name, "new name");
  assert.equal(changed.sessions.size, 2);
  const gone = fold(changed, { type: "session_gone", id: "session_1" });
  assert.deepEqual([...gone.sessions.keys()], ["session_2"]);
});

test("the box and its pairings are told as whole objects", () => {
  const view = after(hello, { type: "box", box: { ...box, used: 2 } }, { type: "pairing", pairing });
  assert.equal(view.box?.used, 2);
  assert.equal(view.pairings.get("pairing_1"), pairing);
});

test("a pairing that a hello does not name has gone, as with a box that was started anew", () => {
  const kept: Pairing = { ...pairing, id: "pairing_2" };
  const view = after({ type: "pairing", pairing }, { ...hello, pairings: [kept] } as BoxMessage);
  assert.deepEqual([...view.pairings.values()], [kept]);
  assert.equal(after({ type: "pairing", pairing }, hello).pairings.size, 0);
});

test("a pairing that the box has forgotten goes", () => {
  const other: Pairing = { ...pairing, id: "pairing_2" };
  const view = after(hello, { type: "pairing", pairing }, { type: "pairing", pairing: other }, { type: "pairing_gone", id: "pairing_1" });
  assert.deepEqual([...view.pairings.keys()], ["pairing_2"]);
});

test("of notices the last five are kept", () => {
  const view = after(...["1", "2", "3", "4", "5", "6"].map((text): BoxMessage => ({ type: "notice", text })));
  assert.deepEqual(view.notices, ["2", "3", "4", "5", "6"]);
});

test("what this page does not know yet changes nothing", () => {
  const view = after(hello);
  assert.equal(fold(view, { type: "weather" } as unknown as BoxMessage), view);
});
