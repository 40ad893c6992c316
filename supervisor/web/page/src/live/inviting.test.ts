import assert from "node:assert/strict";
import { test } from "node:test";
import { signal } from "@preact/signals";
import { Problem, unreachable } from "../api/problem.ts";
import type { BoxFacts, BoxMessage, Pairing } from "../api/types.ts";
import { fold, NOTHING } from "./boxview.ts";
import { Inviting, type Host } from "./inviting.ts";

const MADE = { id: "pairing_1", code: "AAAA-AAAA", offer: null, expires_at: "2026-01-01T12:05:00.000Z" };
const CLAIMED: Pairing = { id: "pairing_1", state: "waiting", expires_at: MADE.expires_at, claimed: { address: "192.0.2.1", label: "" }, contenders: [], tries_left: 3 };

/** A box that answers at once, and what it was asked. */
class SmallBox implements Host {
  readonly asked: string[] = [];
  readonly view = signal(NOTHING);
  answer: (asked: string) => unknown = (asked) => (asked === "POST /v1/pairings" ? MADE : {});
  readonly box = {
    request: async <T>(method: string, path: string): Promise<T> => {
      this.asked.push(`${method} ${path}`);
      return this.answer(`${method} ${path}`) as T;
    },
  };

  take(message: BoxMessage): void {
    this.view.value = fold(this.view.value, message);
  }
}

const hello = (...pairings: Pairing[]): BoxMessage => ({ type: "hello", box: {} as BoxFacts, sessions: [], approvals: [], pairings });

test("an invitation waits from its making on, also while the stream says nothing", async () => {
  const inviting = new Inviting(new SmallBox());
  assert.equal(inviting.state, null);
  await inviting.make();
  assert.equal(inviting.state, "waiting");
  assert.equal(inviting.pairing?.tries_left, 3);
});

test("what the stream told before the answer came is not undone by it", async () => {
  const box = new SmallBox();
  box.take({ type: "pairing", pairing: CLAIMED });
  const inviting = new Inviting(box);
  await inviting.make();
  assert.equal(inviting.pairing, CLAIMED);
});

test("one that a hello does not name is void: the box has started anew", async () => {
  const box = new SmallBox();
  const inviting = new Inviting(box);
  await inviting.make();
  box.take(hello(CLAIMED));
  assert.equal(inviting.state, "waiting");
  box.take(hello());
  assert.equal(inviting.state, "gone");
});

test("a device that was let in from here is in before the stream says so", async () => {
  const box = new SmallBox();
  const inviting = new Inviting(box);
  await inviting.make();
  await inviting.accept("123456");
  assert.equal(inviting.state, "accepted");
  assert.equal(box.asked.at(-1), "POST /v1/pairings/pairing_1/accept");
});

test("a wrong number leaves it waiting", async () => {
  const box = new SmallBox();
  const inviting = new Inviting(box);
  await inviting.make();
  box.answer = () => {
    throw new Problem("invalid", "that is not the number", "look again", 400);
  };
  await assert.rejects(inviting.accept("000000"), Problem);
  assert.equal(inviting.state, "waiting");
});

test("one that waits is called off when it is left", async () => {
  const box = new SmallBox();
  const inviting = new Inviting(box);
  await inviting.make();
  inviting.leave();
  assert.equal(box.asked.at(-1), "DELETE /v1/pairings/pairing_1");
});

test("one whose making is under way when it is left is called off as soon as it is made", async () => {
  const box = new SmallBox();
  const inviting = new Inviting(box);
  const making = inviting.make();
  inviting.leave();
  await making;
  assert.deepEqual(box.asked, ["POST /v1/pairings", "DELETE /v1/pairings/pairing_1"]);
});

test("a box that cannot be told that one is left is no problem of anybody's", async () => {
  const box = new SmallBox();
  box.answer = (asked) => {
    if (asked.startsWith("DELETE")) throw unreachable();
    return MADE;
  };
  const inviting = new Inviting(box);
  const making = inviting.make();
  inviting.leave();
  await assert.doesNotReject(making);
});

test("one that has come to its end is left as it is", async () => {
  for (const end of ["accepted", "refused", "expired"] as const) {
    const box = new SmallBox();
    const inviting = new Inviting(box);
    await inviting.make();
    box.take({ type: "pairing", pairing: { ...CLAIMED, state: end } });
    inviting.leave();
    assert.deepEqual(box.asked, ["POST /v1/pairings"], end);
  }
});
