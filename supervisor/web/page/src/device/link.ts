/** What a pairing link brings in its fragment, `#<secret>.<hash of the box key>`, which no server ever sees. */

import { fromBase64url, type Octets } from "../api/octets.ts";

export interface PairingLink {
  secret: string;
  boxKeyHash: Octets;
}

const OCTETS = 32;

/** Null for a fragment that is none. */
export function parseLink(fragment: string): PairingLink | null {
  const [secret, hash, ...more] = fragment.replace(/^#/, "").split(".");
  if (!secret || !hash || more.length > 0) return null;
  try {
    const boxKeyHash = fromBase64url(hash);
    return boxKeyHash.length === OCTETS && fromBase64url(secret).length === OCTETS ? { secret, boxKeyHash } : null;
  } catch {
    return null;
  }
}

/** The link that this page was opened with. It is taken out of the address bar and the history: it works once, and
 * whoever looks at the screen, or at the list of visited pages, must not have it. */
export function takeLink(): PairingLink | null {
  if (location.pathname !== "/pair" || location.hash === "") return null;
  const link = parseLink(location.hash);
  history.replaceState(null, "", location.pathname);
  return link;
}
