/** Proofs of possession (DPoP, RFC 9449): each request is signed by the key of this device. */

import { sha256, toBase64url, utf8, type Octets } from "./octets.ts";

/** A key that signs and cannot be read. `publicKey` is its raw point, 65 octets that begin with 4. */
export interface DeviceKey {
  readonly publicKey: Octets;
  sign(octets: Octets): Promise<Octets>;
}

export interface Claims {
  method: string;
  /** The address without query and fragment. */
  url: string;
  /** Seconds since 1970, by the box's clock as far as it is known. */
  at: number;
  /** Different in every proof. */
  id: string;
  /** The box's, from its last answer. */
  nonce: string | null;
  /** The access token that goes with it, if one does. */
  token: string | null;
}

export async function prove(key: DeviceKey, claims: Claims): Promise<string> {
  const [x, y] = [key.publicKey.subarray(1, 33), key.publicKey.subarray(33, 65)];
  const jwk = { kty: "EC", crv: "P-256", x: toBase64url(x), y: toBase64url(y) };
  const body: Record<string, unknown> = { htm: claims.method, htu: claims.url, iat: claims.at, jti: claims.id };
  if (claims.nonce !== null) body["nonce"] = claims.nonce;
  if (claims.token !== null) body["ath"] = toBase64url(await sha256(utf8(claims.token)));
  const signed = `${part({ typ: "dpop+jwt", alg: "ES256", jwk })}.${part(body)}`;
  return `${signed}.${toBase64url(await key.sign(utf8(signed)))}`;
}

function part(value: unknown): string {
  return toBase64url(utf8(JSON.stringify(value)));
}
