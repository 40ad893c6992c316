import assert from "node:assert/strict";
import { test } from "node:test";

import { SMALLEST_FONT, fitting, scaled } from "./fitting.ts";

const CELL = { width: 8, height: 16 };

test("a place has the rows and columns that fit, within reason", () => {
  assert.deepEqual(fitting({ width: 645, height: 399 }, CELL), { rows: 24, columns: 80 });
  assert.deepEqual(fitting({ width: 50, height: 20 }, CELL), { rows: 4, columns: 20 });
  assert.deepEqual(fitting({ width: 1e6, height: 1e6 }, CELL), { rows: 400, columns: 600 });
});

test("a place that is not there has none", () => {
  assert.equal(fitting({ width: 0, height: 100 }, CELL), null);
  assert.equal(fitting({ width: 100, height: 100 }, { width: 0, height: 0 }), null);
});

test("somebody else's size is made smaller until it fits, never larger, never unreadable", () => {
  const size = { rows: 24, columns: 80 };
  assert.equal(scaled(size, { width: 640, height: 384 }, CELL, 14), 14);
  assert.equal(scaled(size, { width: 9000, height: 9000 }, CELL, 14), 14);
  assert.equal(scaled(size, { width: 480, height: 384 }, CELL, 14), 10.5);
  assert.equal(scaled(size, { width: 640, height: 200 }, CELL, 14), SMALLEST_FONT);
});
