/** The key of this device: made here, kept by the browser, readable by nobody, not even by this page. */

import type { Octets } from "../api/octets.ts";
import type { DeviceKey } from "../api/proofs.ts";
import { keep, kept } from "./keep.ts";

const CURVE = { name: "ECDSA", namedCurve: "P-256" };
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" };
const NAME = "device";

/** This device as it is kept, once the box has accepted it. */
export interface Kept {
  pair: CryptoKeyPair;
  label: string;
}

/** Whether the browser lets this page make keys: on https, and on localhost. */
export function canMakeKeys(): boolean {
  return globalThis.isSecureContext && globalThis.crypto?.subtle !== undefined && globalThis.indexedDB !== undefined;
}

export function keptDevice(): Promise<Kept | undefined> {
  return kept<Kept>(NAME);
}

export async function keepDevice(device: Kept): Promise<void> {
  await keep(NAME, device);
}

export function makePair(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(CURVE, false, ["sign", "verify"]);
}

export async function keyOf(pair: CryptoKeyPair): Promise<DeviceKey> {
  const point = await crypto.subtle.exportKey("raw", pair.publicKey);
  return {
    publicKey: new Uint8Array(point),
    sign: async (octets: Octets) => new Uint8Array(await crypto.subtle.sign(SIGNATURE, pair.privateKey, octets)),
  };
}

