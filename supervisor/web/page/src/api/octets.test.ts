import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBase64url, joined, toBase64url } from "./octets.ts";

test("octets come back from their spelling, which has no padding and no sign that a URL gives a meaning", () => {
  for (let length = 0; length < 70; length++) {
    const octets = Uint8Array.from({ length }, (_, at) => (at * 37 + 251) % 256);
    const text = toBase64url(octets);
    assert.match(text, /^[A-Za-z0-9_-]*$/);
    assert.deepEqual(fromBase64url(text), octets);
    assert.equal(text, Buffer.from(octets).toString("base64url"));
  }
});

test("what is not base64url is refused", () => {
  for (const text of ["a=", "a+b", "a/b", "a b", "ä"]) assert.throws(() => fromBase64url(text), TypeError);
});

test("parts are joined in their order", () => {
  assert.deepEqual(joined(new Uint8Array([1]), new Uint8Array(), new Uint8Array([2, 3])), new Uint8Array([1, 2, 3]));
});
