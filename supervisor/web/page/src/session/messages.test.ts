import assert from "node:assert/strict";
import { test } from "node:test";

import { MOST_KEYS, commandFrame, keyFrames, messageOf, parseOctets } from "./messages.ts";

function frame(kind: number, offset: bigint, ...data: number[]): ArrayBuffer {
  const bytes = new Uint8Array(9 + data.length);
  bytes[0] = kind;
  new DataView(bytes.buffer).setBigUint64(1, offset);
  bytes.set(data, 9);
  return bytes.buffer;
}

test("a binary frame is a kind, an offset of 64 bits, and octets", () => {
  const octets = parseOctets(frame(1, 5n * 2n ** 32n + 7n, 65, 66));
  assert.deepEqual(octets, { kind: "output", offset: 5 * 2 ** 32 + 7, data: new Uint8Array([65, 66]) });
  assert.equal(parseOctets(frame(2, 0n))?.kind, "state");
});

test("a frame that is too short or of another kind is left alone", () => {
  assert.equal(parseOctets(new ArrayBuffer(8)), null);
  assert.equal(parseOctets(frame(9, 0n)), null);
});

test("what this page does not know is no message", () => {
  assert.equal(messageOf("hello"), null);
  assert.equal(messageOf(null), null);
  assert.equal(messageOf({ type: "weather" }), null);
  assert.deepEqual(messageOf({ type: "pong", id: "p" }), { type: "pong", id: "p" });
});

test("keys go in frames that a box takes, in order", () => {
  const keys = new Uint8Array(MOST_KEYS + 3).fill(65);
  const frames = keyFrames(keys);
  assert.deepEqual(
    frames.map((each) => [each[0], each.length]),
    [
      [1, MOST_KEYS + 1],
      [1, 4],
    ],
  );
  assert.deepEqual(keyFrames(new Uint8Array()), []);
});

test("a command has the name by which its answer is known", () => {
  assert.equal(
    commandFrame("c1", { kind: "interrupt" }),
    '{"type":"command","id":"c1","command":{"kind":"interrupt"}}',
  );
});
