/** This device asks to be let in: claim, open, show the number, wait for whoever stands at the box. */

import { Box } from "../api/box.ts";
import { pause } from "../api/line.ts";
import { proofNonce } from "../api/nonce.ts";
import { fromBase64url, random, sha256, toBase64url, type Octets } from "../api/octets.ts";
import { Problem } from "../api/problem.ts";
import type { Pairing } from "../api/types.ts";
import { commitment, pairingNumber } from "./commitment.ts";
import { drop, keep, kept } from "./keep.ts";
import { keepDevice, keyOf, makePair } from "./key.ts";
import type { PairingLink } from "./link.ts";

const ASKED = "pairing"; // a phone may throw the page away while its person walks to the box
const WAIT_SECONDS = 40; // the box answers within 25

export type Invitation = PairingLink | { code: string };

/** Asked, and not yet answered. */
export interface Asked {
  id: string;
  pair: CryptoKeyPair;
  label: string;
  number: string;
}

interface Claimed {
  id: string;
  box_key: string;
  nonce_b: string;
}

/** Claim the pairing and open what was committed to. Throws Problem; then the invitation is used up, or was none. */
export async function askToPair(invitation: Invitation, label: string): Promise<Asked> {
  const pair = await makePair();
  const key = await keyOf(pair);
  const box = new Box(key, proofNonce());
  const nonce = random(32);
  const commit = toBase64url(await commitment(key.publicKey, nonce));
  const secret = "secret" in invitation ? { secret: invitation.secret } : { code: invitation.code };
  const claimed = await box.request<Claimed>("POST", "/v1/pairings/claim", { ...secret, commit }, { as: "none" });
  const boxKey = fromBase64url(claimed.box_key);
  if ("secret" in invitation) await checkBox(boxKey, invitation.boxKeyHash);
  const opening = { device_key: toBase64url(key.publicKey), nonce_d: toBase64url(nonce), label };
  await box.request("POST", `/v1/pairings/${claimed.id}/open`, opening, { as: "none" });
  const number = await pairingNumber(boxKey, key.publicKey, fromBase64url(claimed.nonce_b), nonce);
  const asked: Asked = { id: claimed.id, pair, label, number };
  await keep(ASKED, asked);
  return asked;
}

/** What was asked before the page was loaded anew. */
export function askedBefore(): Promise<Asked | undefined> {
  return kept<Asked>(ASKED);
}

export async function giveUp(): Promise<void> {
  await drop(ASKED);
}

/** Wait until somebody typed the number; from then on this device is paired. Throws Problem when they did not. */
export async function waitUntilAccepted(asked: Asked, signal: AbortSignal): Promise<void> {
  const box = new Box(await keyOf(asked.pair), proofNonce());
  for (let failures = 0; ; ) {
    try {
      const { state } = await box.request<Pairing>("GET", `/v1/pairings/${asked.id}`, undefined, { as: "proof", seconds: WAIT_SECONDS, signal });
      failures = 0;
      if (state === "waiting") continue;
      await giveUp();
      if (state !== "accepted") throw ended(state);
      await keepDevice({ pair: asked.pair, label: asked.label });
      await navigator.storage?.persist?.().catch(() => false); // else a browser short of room may throw the key away
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Problem) || error.status !== 0 || error.code !== "unreachable") throw error;
      failures += 1;
      await new Promise((resolve) => setTimeout(resolve, pause(failures, Math.random()) * 1000));
    }
  }
}

async function checkBox(boxKey: Octets, expected: Octets): Promise<void> {
  const found = await sha256(boxKey);
  if (found.every((octet, at) => octet === expected[at])) return;
  throw new Problem("another_box", "what answers here is not the box that made this link", "do not go on; make a new link at the box and look at its address");
}

function ended(state: "refused" | "expired"): Problem {
  if (state === "refused") return new Problem(state, "the box refused: three wrong numbers, or somebody ended it", "run rc pair again and take the new link");
  return new Problem(state, "nobody typed the number in time", "run rc pair again and take the new link");
}
