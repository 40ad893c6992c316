/** The page begins: what a pairing link brought leaves the address bar before anything else happens. */

import { render } from "preact";
import { App } from "./app.tsx";
import { takeLink } from "./device/link.ts";
import "./styles/page.css";

render(<App link={takeLink()} />, document.getElementById("app")!);
