/** Which verbs make sense for a session as it is now. The box decides; this only keeps out of the way what it refuses. */

import type { Session, SessionState } from "../api/types.ts";

export type Verb = "rename" | "stop" | "suspend" | "resume" | "archive" | "restore" | "delete";

export const VERBS: Record<Verb, string> = {
  rename: "Rename…",
  stop: "Stop",
  suspend: "Suspend",
  resume: "Resume",
  archive: "Archive",
  restore: "Take out of the archive",
  delete: "Delete…",
};

const BY_STATE: Record<SessionState, readonly Verb[]> = {
  requested: ["stop"],
  preparing: ["stop"],
  starting: ["stop"],
  running: ["suspend", "stop"],
  stopping: [],
  suspended: ["resume", "stop"],
  exited: ["resume"],
  lost: ["resume"],
};
const ENDED: ReadonlySet<SessionState> = new Set(["suspended", "exited", "lost"]);

export function verbsFor(session: Session): Verb[] {
  if (session.archived) return ["restore", "delete"];
  const away: Verb[] = ENDED.has(session.state) ? ["archive", "delete"] : [];
  return ["rename", ...BY_STATE[session.state], ...away];
}
