/** What a list of sessions says of each, and in which order. */

import type { Session } from "../api/types.ts";

const HOLD_A_SLOT = new Set(["requested", "preparing", "starting", "running", "stopping"]);

export type Group = "waiting" | "live" | "ended" | "archived";

export function isWaiting(session: Session): boolean {
  return session.open_approvals > 0 || session.turn === "waiting_for_approval";
}

export function isLive(session: Session): boolean {
  return HOLD_A_SLOT.has(session.state);
}

function groupOf(session: Session): Group {
  if (session.archived) return "archived";
  if (isWaiting(session)) return "waiting";
  return isLive(session) ? "live" : "ended";
}

/** The sessions that hold every word of `search` somewhere, by group, in each the newest first. */
export function grouped(sessions: Iterable<Session>, search: string): Map<Group, Session[]> {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = new Map<Group, Session[]>([["waiting", []], ["live", []], ["ended", []], ["archived", []]]);
  const found = [...sessions].filter((session) => words.every((word) => searched(session).includes(word)));
  found.sort((one, other) => other.created_at.localeCompare(one.created_at) || one.id.localeCompare(other.id));
  for (const session of found) groups.get(groupOf(session))?.push(session);
  return groups;
}

function searched(session: Session): string {
  const { name, branch, agent, project, state, doing, created_by } = session;
  return [name, branch, agent, project, state, doing, created_by.person].join("\n").toLowerCase();
}

/** One or two words for how it is. */
export function condition(session: Session): string {
  if (session.unresponsive) return "not answering";
  if (isWaiting(session)) return "waiting for you";
  if (session.state !== "running") return session.state;
  if (session.turn === null) return "running";
  return session.turn === "idle" ? "idle" : "working";
}

/** How it ended, for one that has. */
export function ending(session: Session): string | null {
  const exit = session.exit;
  if (exit === null) return null;
  if (exit.signal !== null) return `${exit.reason}, signal ${exit.signal}`;
  return exit.code === null || exit.code === 0 ? exit.reason : `${exit.reason}, exit code ${exit.code}`;
}
