/** The sums of a pairing. The device binds itself to a key and a nonce before it sees the box's, so that nobody between
 * them can choose keys until both sides show the same number. The counterpart is `supervisor/core/pairing.py`. */

import { sha256, utf8, type Octets } from "../api/octets.ts";

const DIGITS = 6;

export function commitment(deviceKey: Uint8Array, deviceNonce: Uint8Array): Promise<Octets> {
  return sha256(utf8("rc-pair-1"), deviceKey, deviceNonce);
}

/** The number that this device shows and a person types at the box, such as "049301". */
export async function pairingNumber(
  boxKey: Uint8Array,
  deviceKey: Uint8Array,
  boxNonce: Uint8Array,
  deviceNonce: Uint8Array,
): Promise<string> {
  const digest = await sha256(utf8("rc-number-1"), boxKey, deviceKey, boxNonce, deviceNonce);
  const whole = digest.reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
  return String(whole % 10n ** BigInt(DIGITS)).padStart(DIGITS, "0");
}

/** "049301" as it is read: "049 301". */
export function spaced(number: string): string {
  return `${number.slice(0, 3)} ${number.slice(3)}`;
}

/** A code as it was typed, in the form that the box knows: XXXX-XXXX of Crockford's base 32. Shorter while it is typed;
 * what is no letter of a code is left out. */
export function asCode(typed: string): string {
  const upper = typed.toUpperCase().replaceAll("O", "0").replace(/[IL]/g, "1");
  const letters = upper.replace(/[^0-9A-HJKMNP-TV-Z]/g, "").slice(0, 8);
  return letters.length > 4 ? `${letters.slice(0, 4)}-${letters.slice(4)}` : letters;
}

export function isCode(code: string): boolean {
  return code.length === 9;
}
