/** The frame around everything: the line to the box, the way to each place, the list of sessions. */

import { useEffect, useRef } from "preact/hooks";
import type { Live } from "../live/live.ts";
import { isWaiting } from "../live/sessions.ts";
import { Link, path, sessionAt } from "../parts/router.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { BoxPlace } from "./boxplace.tsx";
import { Connection } from "./connection.tsx";
import { Devices } from "./devices.tsx";
import { NewSession } from "./newsession.tsx";
import { Notices } from "./notices.tsx";
import { SessionList } from "./sessionlist.tsx";
import { SessionPlace } from "./sessionplace.tsx";

const TITLES: Record<string, string> = { "/": "Sessions", "/new": "New session", "/devices": "Devices", "/settings": "Box" };

export function Shell({ live }: { live: Live }) {
  const at = path.value;
  const session = sessionAt(at);
  const { box, sessions } = live.view.value;
  const title = (session === null ? TITLES[at] : sessions.get(session)?.name) ?? "rc";
  const waiting = [...sessions.values()].filter(isWaiting).length;
  useEffect(() => {
    document.title = `${waiting > 0 ? `(${waiting}) ` : ""}${title} · ${box?.name ?? "rc"}`;
  }, [title, waiting, box?.name]);
  const before = useRef(at);
  useEffect(() => {
    // Who goes somewhere by keyboard or by ear is there then. What a place shows may take the focus further.
    if (before.current !== at && !document.getElementById("pane")?.contains(document.activeElement)) document.getElementById("pane")?.focus();
    before.current = at;
  }, [at]);
  return (
    <div class="shell" data-at={box === null ? "absent" : session === null ? at : "session"}>
      <a class="skip" href="#pane">Skip to the content</a>
      <header class="top">
        <Link to="/" class="brand" label={`${live.view.value.box?.name ?? "rc"}: all sessions`}>
          <span class="mark" aria-hidden="true">›_</span> <span class="boxname">{box?.name ?? "rc"}</span>
        </Link>
        <Connection live={live} />
      </header>
      <nav class="places" aria-label="Places">
        <Link to="/" class="tab">Sessions</Link>
        <Link to="/new" class="tab">New</Link>
        <Link to="/devices" class="tab">Devices</Link>
        <Link to="/settings" class="tab">Box</Link>
      </nav>
      <aside class="side" aria-label="Sessions">
        {box !== null && <SessionList live={live} />}
      </aside>
      <main class="pane" id="pane" tabIndex={-1}>
        {box === null ? <Absent live={live} /> : <Place live={live} at={at} session={session} />}
      </main>
      <Notices live={live} />
    </div>
  );
}

function Place({ live, at, session }: { live: Live; at: string; session: string | null }) {
  if (session !== null) return <SessionPlace live={live} id={session} />;
  switch (at) {
    case "/":
      return <Nothing live={live} />;
    case "/new":
      return <NewSession live={live} />;
    case "/devices":
      return <Devices live={live} />;
    case "/settings":
      return <BoxPlace live={live} />;
    default:
      return <p>There is nothing at this address. <Link to="/">All sessions</Link></p>;
  }
}

/** Nothing is known of the box yet: it has not answered since the page was opened. */
function Absent({ live }: { live: Live }) {
  const state = live.state.value;
  return state.kind === "waiting" || state.kind === "opening" ? <Trouble problem={state.problem} /> : null;
}

/** Beside the list, where there is room: what to do next. */
function Nothing({ live }: { live: Live }) {
  const box = live.view.value.box;
  if (box === null) return null;
  return (
    <div class="nothing">
      <p>{live.view.value.sessions.size > 0 ? "Choose a session on the left." : "No sessions yet."}</p>
      <Link to="/new" class="button main">New session</Link>
      <p class="hint">{box.used} of {box.capacity} slots used</p>
    </div>
  );
}
