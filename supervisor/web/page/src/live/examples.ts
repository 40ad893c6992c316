/** For tests: a session as the box tells it. */

import type { Session } from "../api/types.ts";

export function session(fields: Partial<Session> = {}): Session {
  return {
    id: "session_1",
    name: "fix-login",
    state: "running",
    agent: "claude",
    project: "app",
    spawn_mode: "worktree",
    url: null,
    workspace: "/w",
    branch: "rc/fix-login-7k3q2x",
    base_commit: null,
    base_ref: null,
    created_at: "2026-01-01T12:00:00.000Z",
    created_by: { person: "owner", device: null },
    history: "h",
    last_seq: 1,
    terminal: null,
    turn: "idle",
    doing: null,
    open_approvals: 0,
    viewers: 0,
    unresponsive: false,
    exit: null,
    archived: false,
    sandbox: "none",
    ...fields,
  };
}
