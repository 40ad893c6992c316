import assert from "node:assert/strict";
import { test } from "node:test";
import { Shelf, type Store } from "./shelf.ts";

class Memory implements Store {
  readonly items = new Map<string, string>();
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

const refuse = (): never => {
  throw new DOMException("no", "SecurityError");
};

test("what was put is there until it is taken away", () => {
  const memory = new Memory();
  const shelf = new Shelf(() => memory);
  assert.equal(shelf.get("a"), null);
  shelf.put("a", "text");
  assert.equal(shelf.get("a"), "text");
  shelf.put("a", null);
  assert.equal(memory.items.size, 0);
});

test("a browser that forbids its store, or has no room in it, costs nothing but the keeping", () => {
  for (const shelf of [new Shelf(refuse), new Shelf(() => ({ getItem: refuse, setItem: refuse, removeItem: refuse }))]) {
    shelf.put("a", "text");
    shelf.put("a", null);
    assert.equal(shelf.get("a"), null);
  }
});
