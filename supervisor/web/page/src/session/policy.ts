/**
 * Lets a library that knows nothing of content security policies draw under ours: `style-src 'self' 'nonce-…'`.
 * Both ways are what the policy allows anybody: a nonce on a `<style>`, and styles by CSSOM.
 */

/** Let the `<style>` elements that `make` makes carry the nonce: it counts when an element is inserted. */
export function withNonce(nonce: string, make: () => void): void {
  const create = document.createElement;
  document.createElement = function (this: Document, name: string, options?: ElementCreationOptions) {
    const element = create.call(this, name, options);
    if (element instanceof HTMLStyleElement) element.nonce = nonce;
    return element;
  } as typeof create;
  try {
    make();
  } finally {
    delete (document as Partial<Document>).createElement; // the prototype's own shows again
  }
}

/** Have `setAttribute("style", …)` on elements of this kind, which the policy refuses, set the same style. */
export function styleByObjectModel(kind: { prototype: HTMLElement }): void {
  if (Object.hasOwn(kind.prototype, "setAttribute")) return;
  kind.prototype.setAttribute = function (this: HTMLElement, name: string, value: string) {
    if (name === "style") this.style.cssText = value;
    else Element.prototype.setAttribute.call(this, name, value);
  };
}
