/** Who types in a terminal, and how to take over. */

import { sentence } from "../parts/trouble.tsx";
import type { Holder } from "./messages.ts";
import type { Visit } from "./visit.ts";

export function LeaseBar({ visit, lost }: { visit: Visit; lost: boolean }) {
  const { holder, mine } = visit.lease.value;
  const refused = visit.refused.value;
  const isHeld = holder !== null && !mine;
  const isLive = visit.hello.value !== null;
  return (
    <div class="lease" role="status" aria-live="polite">
      {isHeld && (
        <p>
          <span class="dot" aria-hidden="true" />
          <span>
            {nameOf(holder)} is typing here.
            {refused?.code === "lease_held" && " Your keys were not sent."}
          </span>
          {visit.mayType && (
            <button type="button" class="quiet" onClick={() => void visit.wish({ kind: "take_lease" })}>
              Take over
            </button>
          )}
        </p>
      )}
      {isLive && !visit.mayType && <p>You may look, not type.</p>}
      {lost && <p class="lost">There is no line to the box: what you type is not kept.</p>}
      {refused && refused.code !== "lease_held" && (
        <p class="trouble">
          {sentence(refused.detail)} {refused.hint && sentence(refused.hint)}
          <button type="button" class="quiet" onClick={() => (visit.refused.value = null)}>
            Dismiss
          </button>
        </p>
      )}
    </div>
  );
}

function nameOf(holder: Holder): string {
  return holder.person ?? "Somebody";
}
