/** A problem as the box tells it: the cause, then what to do. */

import type { Problem } from "../api/problem.ts";

export function Trouble({ problem }: { problem: Problem | null }) {
  if (problem === null) return null;
  return (
    <div class="trouble" role="alert">
      <p>{sentence(problem.detail)}</p>
      {problem.hint && <p class="hint">{sentence(problem.hint)}</p>}
    </div>
  );
}

/** The box writes causes without a capital and a full stop, to be put into one line. */
export function sentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…:]$/.test(whole) ? whole : `${whole}.`;
}
