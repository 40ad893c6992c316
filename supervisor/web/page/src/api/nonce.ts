/** What the box wrote into this copy of the page: once for its styles, once for its first proof. */

/** The nonce that a `<style>` element must carry before it is inserted: the page's policy lets no other one in. */
export function styleNonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
}

/** The nonce of the first proof, which saves the round trip in which the box would say it. */
export function proofNonce(): string | null {
  return document.querySelector<HTMLMetaElement>('meta[name="dpop-nonce"]')?.content || null;
}
