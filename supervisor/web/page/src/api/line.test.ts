import assert from "node:assert/strict";
import { test } from "node:test";
import { parseText, pause } from "./line.ts";

test("pauses double from one second to thirty", () => {
  assert.deepEqual([1, 2, 3, 4, 5, 6, 7, 100].map((failures) => pause(failures, 0)), [1, 2, 4, 8, 16, 30, 30, 30]);
});

test("pauses are spread, and none is shorter than a second", () => {
  assert.equal(pause(1, 0.99), 1);
  assert.ok(pause(6, 0.99) < 25 && pause(6, 0.99) >= 24);
});

test("what is said on a line is an object", () => {
  assert.deepEqual(parseText('{"type":"bye"}'), { type: "bye" });
  for (const text of ["", "{", "null", "[]", '"bye"', "<html>"]) {
    assert.equal(parseText(text), null, text);
  }
});
