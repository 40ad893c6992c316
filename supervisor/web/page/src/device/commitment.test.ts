import assert from "node:assert/strict";
import { test } from "node:test";
import { createHash } from "node:crypto";
import { toBase64url } from "../api/octets.ts";
import { asCode, commitment, isCode, pairingNumber, spaced } from "./commitment.ts";

const filled = (length: number, octet: number) => new Uint8Array(length).fill(octet);

test("a commitment is the digest of its word, the key and the nonce", async () => {
  const made = await commitment(filled(65, 4), filled(32, 9));
  const expected = createHash("sha256").update("rc-pair-1").update(filled(65, 4)).update(filled(32, 9)).digest("base64url");
  assert.equal(toBase64url(made), expected);
});

test("the number has six digits, and each of the four parts changes it", async () => {
  const parts = [filled(32, 1), filled(65, 2), filled(32, 3), filled(32, 4)] as const;
  const number = await pairingNumber(...parts);
  assert.match(number, /^[0-9]{6}$/);
  for (let at = 0; at < 4; at++) {
    const changed = [...parts];
    changed[at] = filled(parts[at]!.length, 7);
    assert.notEqual(await pairingNumber(changed[0]!, changed[1]!, changed[2]!, changed[3]!), number);
  }
});

test("the number is the digest as one big number, modulo a million", async () => {
  const parts = [filled(32, 1), filled(65, 2), filled(32, 3), filled(32, 4)] as const;
  const hash = createHash("sha256").update("rc-number-1");
  for (const part of parts) hash.update(part);
  const expected = BigInt(`0x${hash.digest("hex")}`) % 1_000_000n;
  assert.equal(await pairingNumber(...parts), String(expected).padStart(6, "0"));
});

test("a number is read in two groups", () => assert.equal(spaced("049301"), "049 301"));

test("a code may be typed in small letters, without its dash, and with letters that look like digits", () => {
  assert.equal(asCode("ab12cd34"), "AB12-CD34");
  assert.equal(asCode(" ab12-cd34 "), "AB12-CD34");
  assert.equal(asCode("oOiL-lI00"), "0011-1100");
  assert.equal(asCode("AB12CD34EF"), "AB12-CD34");
});

test("a code grows while it is typed", () => {
  assert.deepEqual(["", "a", "ab12", "ab12c"].map(asCode), ["", "A", "AB12", "AB12-C"]);
  assert.deepEqual(["AB12-CD3", "AB12-CD34"].map(isCode), [false, true]);
});
