import assert from "node:assert/strict";
import { test } from "node:test";
import { toBase64url } from "../api/octets.ts";
import { parseLink } from "./link.ts";

const secret = toBase64url(new Uint8Array(32).fill(1));
const hash = toBase64url(new Uint8Array(32).fill(2));

test("a link brings a secret and the digest of the box's key", () => {
  assert.deepEqual(parseLink(`#${secret}.${hash}`), { secret, boxKeyHash: new Uint8Array(32).fill(2) });
});

test("anything else is no link", () => {
  for (const fragment of ["", "#", "#x", `#${secret}`, `#${secret}.`, `#.${hash}`, `#${secret}.${hash}.x`, `#${secret}.${hash}A`, `#${secret}.%%%`]) {
    assert.equal(parseLink(fragment), null, fragment);
  }
});
