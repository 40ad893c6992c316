/** Lets the browser keep the page itself, so that an installed one opens without its box and says so. */

const WORKER = "/offline.js";

declare global {
  interface Window {
    trustedTypes?: { createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string } };
  }
}

export function keepThePage(): void {
  if (!("serviceWorker" in navigator)) return; // a page that came by plain http
  // The one policy of the page: of all places that run code, this is the only one that takes a name, and the only name.
  const rules = {
    createScriptURL(url: string): string {
      if (url !== WORKER) throw new TypeError(`no script of this page: ${url}`);
      return url;
    },
  };
  const policy = window.trustedTypes?.createPolicy("rc", rules) ?? rules;
  // A browser that refuses it shows the same page, only not without its box.
  navigator.serviceWorker.register(policy.createScriptURL(WORKER)).catch(() => undefined);
}
