import assert from "node:assert/strict";
import { test } from "node:test";

import { Queue } from "./queue.ts";

test("what came first is taken first", () => {
  const queue = new Queue<string>();
  queue.add("a");
  queue.add("b");
  assert.equal(queue.first, "a");
  assert.deepEqual([queue.take(), queue.take(), queue.take()], ["a", "b", undefined]);
});

test("a queue that is never empty does not hold what was taken", () => {
  const queue = new Queue<number>();
  queue.add(0);
  for (let number = 1; number <= 10_000; number += 1) {
    queue.add(number);
    assert.equal(queue.take(), number - 1);
    assert.ok(queue.held <= 257);
  }
});

test("a long queue is taken whole and in order", () => {
  const queue = new Queue<number>();
  const all = Array.from({ length: 1000 }, (_, number) => number);
  for (const number of all) queue.add(number);
  assert.deepEqual(all.map(() => queue.take()), all);
  assert.equal(queue.held, 0);
});
