/** The nonce that a `<style>` element must carry before it is inserted: the page's policy lets no other one in. */
export function styleNonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
}
