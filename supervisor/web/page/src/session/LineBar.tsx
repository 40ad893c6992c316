/** How the line to a session is, where that is worth a word. */

import { useEffect, useState } from "preact/hooks";

import type { LineState } from "../api/line.ts";
import { clock } from "../live/times.ts";
import { sentence } from "../parts/trouble.tsx";
import type { Visit } from "./visit.ts";

const PATIENCE_MS = 1500; // a restart of the box takes about as long; less is not worth a word

export function LineBar({ visit }: { visit: Visit }) {
  const state = visit.line.value;
  const isUp = state.kind === "open";
  const [late, setLate] = useState(false);
  useEffect(() => {
    setLate(false);
    if (isUp) return;
    const timer = setTimeout(() => setLate(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [isUp]);
  const shows = state.kind === "closed" ? state.problem !== null : !isUp && late;
  return (
    <div class="line" role="status" data-kind={state.kind}>
      {shows && (
        <p>
          <span>{says(state)}</span>
          {state.kind === "waiting" && (
            <button type="button" class="quiet" onClick={() => visit.retry()}>
              Try now
            </button>
          )}
        </p>
      )}
    </div>
  );
}

function says(state: LineState): string {
  if (state.kind === "closed") return `${sentence(state.problem?.detail ?? "")} ${sentence(state.problem?.hint ?? "")}`;
  return `Offline since ${clock(state.since, Date.now())}`;
}
