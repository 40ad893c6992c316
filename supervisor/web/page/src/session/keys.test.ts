import assert from "node:assert/strict";
import { test } from "node:test";

import { NONE, ROW, modified, release, tap, type Modifiers } from "./keys.ts";

const CTRL: Modifiers = { ctrl: "once", alt: "off" };
const ALT: Modifiers = { ctrl: "off", alt: "locked" };
const BOTH: Modifiers = { ctrl: "once", alt: "once" };

test("a modifier holds for one key, after a second tap until a third", () => {
  assert.deepEqual([tap("off"), tap("once"), tap("locked")], ["once", "locked", "off"]);
  assert.deepEqual(release({ ctrl: "once", alt: "locked" }), { ctrl: "off", alt: "locked" });
  assert.deepEqual(release(NONE), NONE);
});

test("control makes a control character", () => {
  assert.equal(modified("c", CTRL), "\x03");
  assert.equal(modified("C", CTRL), "\x03");
  assert.equal(modified("[", CTRL), "\x1b");
  assert.equal(modified(" ", CTRL), "\0");
  assert.equal(modified("2", CTRL), "\0");
  assert.equal(modified("3", CTRL), "\x1b");
  assert.equal(modified("7", CTRL), "\x1f");
  assert.equal(modified("/", CTRL), "\x1f");
  assert.equal(modified("?", CTRL), "\x7f");
  assert.equal(modified("ä", CTRL), "ä");
});

test("alt puts an escape before the key", () => {
  assert.equal(modified("b", ALT), "\x1bb");
  assert.equal(modified("d", BOTH), "\x1b\x04");
});

test("arrows with modifiers have a form of their own", () => {
  assert.equal(modified("\x1b[A", CTRL), "\x1b[1;5A");
  assert.equal(modified("\x1bOD", ALT), "\x1b[1;3D");
  assert.equal(modified("\x1b[C", BOTH), "\x1b[1;7C");
});

test("without a modifier, and for a paste, nothing changes", () => {
  assert.equal(modified("c", NONE), "c");
  assert.equal(modified("hello", CTRL), "hello");
});

test("arrows heed the application's mode", () => {
  const up = ROW.find((key) => key.name === "↑");
  assert.deepEqual([up?.data(false), up?.data(true)], ["\x1b[A", "\x1bOA"]);
  assert.deepEqual(
    ROW.filter((key) => key.name.length > 1).map((key) => key.data(false)),
    ["\x1b", "\t", "\x03"],
  );
});
