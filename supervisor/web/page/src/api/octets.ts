/** Octets and their spelling: base64url without padding, as all keys, nonces and proofs have it. */

export type Octets = Uint8Array<ArrayBuffer>;

export function toBase64url(octets: Uint8Array): string {
  let text = "";
  for (const octet of octets) text += String.fromCharCode(octet);
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Throws a TypeError for what is not base64url. */
export function fromBase64url(text: string): Octets {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) throw new TypeError("not base64url");
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

export function utf8(text: string): Octets {
  return new TextEncoder().encode(text);
}

export function joined(...parts: Uint8Array[]): Octets {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export async function sha256(...parts: Uint8Array[]): Promise<Octets> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));
}

export function random(octets: number): Octets {
  return crypto.getRandomValues(new Uint8Array(octets));
}
