/** How the line to the box is, and since when it is down. */

import type { LineState } from "../api/line.ts";
import { minute, type Live } from "../live/live.ts";
import { clock } from "../live/times.ts";
import { sentence } from "../parts/trouble.tsx";

export function Connection({ live }: { live: Live }) {
  const state = live.state.value;
  return (
    <div class="connection" role="status" data-kind={state.kind}>
      <span class="dot" aria-hidden="true" />
      {words(state, minute.value)}
      {state.kind === "waiting" && (
        <button type="button" class="quiet" onClick={() => live.retry()}>
          Try now
        </button>
      )}
    </div>
  );
}

function words(state: LineState, now: number): string {
  switch (state.kind) {
    case "open":
      return "Live";
    case "opening":
      return state.problem === null ? "Connecting…" : `Offline since ${clock(state.since, now)}, trying…`;
    case "waiting":
      return `Offline since ${clock(state.since, now)}`;
    case "closed":
      return state.problem === null ? "Closed" : sentence(state.problem.detail);
  }
}
