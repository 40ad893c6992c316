import assert from "node:assert/strict";
import { test } from "node:test";
import { ago, clock } from "./times.ts";

const NOW = Date.parse("2026-03-01T12:00:00Z");
const before = (seconds: number) => ago(NOW - seconds * 1000, NOW);

test("a span is told by its largest unit", () => {
  assert.deepEqual([0, 59, 60, 3599, 3600, 86399, 86400, 864000].map(before), ["just now", "just now", "1 min", "59 min", "1 h", "23 h", "1 d", "10 d"]);
});

test("a clock that runs ahead makes nothing older than now", () => assert.equal(before(-30), "just now"));

test("another day is named", () => {
  assert.equal(clock(NOW, NOW).includes("2026"), false);
  assert.equal(clock(NOW - 3 * 86400_000, NOW).includes("2026"), true);
});
