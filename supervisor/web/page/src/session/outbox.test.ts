import assert from "node:assert/strict";
import { test } from "node:test";

import { Shelf, type Store } from "../device/shelf.ts";
import { MOST_UNSAID, Outbox } from "./outbox.ts";

class Memory implements Store {
  readonly items = new Map<string, string>();
  readonly shelf = new Shelf(() => this);
  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.items.set(key, value);
  }
  removeItem(key: string): void {
    this.items.delete(key);
  }
}

class Broken extends Memory {
  override setItem(): void {
    throw new Error("quota");
  }
  override removeItem(): void {
    throw new Error("forbidden");
  }
}

test("what was not sent is sent again after a reload, in order", () => {
  const memory = new Memory();
  const before = new Outbox(memory.shelf, "s");
  before.add("1", "one", 0);
  before.add("2", "two", 1);
  before.accept("1");
  const after = new Outbox(memory.shelf, "s");
  assert.deepEqual(after.toSend, [{ id: "2", text: "two", at: 1, state: "sending" }]);
  assert.equal(after.text("1"), "one");
  assert.deepEqual(new Outbox(memory.shelf, "other").all, []);
});

test("what was refused keeps its text and says why", () => {
  const outbox = new Outbox(new Memory().shelf, "s");
  outbox.add("1", "one", 0);
  outbox.refuse("1", { code: "invalid_state", detail: "it has ended", hint: "resume it" });
  assert.deepEqual(outbox.toSend, []);
  assert.deepEqual(outbox.all[0]?.error, { detail: "it has ended", hint: "resume it" });
});

test("what the conversation shows is kept no longer", () => {
  const memory = new Memory();
  const outbox = new Outbox(memory.shelf, "s");
  outbox.add("1", "one", 0);
  outbox.drop("1");
  assert.deepEqual(outbox.all, []);
  assert.equal(memory.items.size, 0);
});

test("a store that is full or broken costs the reload and nothing else", () => {
  const outbox = new Outbox(new Broken().shelf, "s");
  outbox.add("1", "one", 0);
  assert.equal(outbox.toSend.length, 1);
  outbox.drop("1");
  assert.equal(outbox.toSend.length, 0);
  const broken = new Memory();
  broken.setItem("rc.outbox.s", '[{"id":1}]');
  assert.deepEqual(new Outbox(broken.shelf, "s").all, []);
  broken.setItem("rc.outbox.s", "{");
  assert.deepEqual(new Outbox(broken.shelf, "s").all, []);
});

test("an outbox has an end", () => {
  const outbox = new Outbox(new Memory().shelf, "s");
  for (let number = 0; number < MOST_UNSAID; number += 1) outbox.add(String(number), "x", 0);
  assert.equal(outbox.isFull, true);
});
