/** The frame around everything: the line to the box, the way to each place, the list of sessions. */

import type { Live } from "../live/live.ts";
import { Link, path, sessionAt } from "../parts/router.tsx";
import { Connection } from "./connection.tsx";
import { SessionList } from "./sessionlist.tsx";
import { SessionPlace } from "./sessionplace.tsx";

export function Shell({ live }: { live: Live }) {
  const at = path.value;
  const session = sessionAt(at);
  return (
    <div class="shell" data-at={session === null ? at : "session"}>
      <header class="top">
        <Link to="/" class="brand" label="All sessions">
          <span class="mark" aria-hidden="true">›_</span> {live.view.value.box?.name ?? "rc"}
        </Link>
        <Connection live={live} />
      </header>
      <aside class="side" aria-label="Sessions">
        <SessionList live={live} />
      </aside>
      <main class="pane" tabIndex={-1}>
        {session !== null && <SessionPlace live={live} id={session} />}
      </main>
    </div>
  );
}
