/** The page begins: what a pairing link brought leaves the address bar before anything else happens. */

import { render } from "preact";
import { App } from "./app.tsx";
import { parseLink, takeLink } from "./device/link.ts";
import { keepThePage } from "./install.ts";
import "./styles/page.css";

function begin(): void {
  render(<App link={takeLink()} />, document.getElementById("app")!);
  keepThePage();
  // A link that is opened where this page is shown already changes the fragment, and loads nothing by itself.
  addEventListener("hashchange", () => {
    if (location.pathname === "/pair" && parseLink(location.hash) !== null) location.reload();
  });
}

// A browser may load a page that nobody has opened yet; a pairing begins when somebody has.
const early = document as Document & { prerendering?: boolean };
if (early.prerendering) early.addEventListener("prerenderingchange", begin, { once: true });
else begin();
