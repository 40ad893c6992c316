/** What the box tells, as far as the page looks at it. Fields that are not here are ignored, as the contract wants. */

export type SessionState = "requested" | "preparing" | "starting" | "running" | "suspended" | "stopping" | "exited" | "lost";
export type SpawnMode = "same-dir" | "worktree" | "session";

export interface Who {
  person: string | null;
  device: string | null;
}

export interface Session {
  id: string;
  name: string;
  state: SessionState;
  agent: string;
  project: string;
  spawn_mode: SpawnMode;
  url: string | null;
  workspace: string;
  branch: string | null;
  base_commit: string | null;
  base_ref: string | null;
  created_at: string;
  created_by: Who;
  history: string;
  last_seq: number;
  /** Null for a structured session, which has a conversation in its place. */
  terminal: { start: number; offset: number; rows: number; columns: number } | null;
  turn: "idle" | "running" | "waiting_for_approval" | null;
  /** One line: what it is at, as its agent says. */
  doing: string | null;
  open_approvals: number;
  viewers: number;
  unresponsive: boolean;
  exit: { code: number | null; signal: string | number | null; reason: string } | null;
  archived: boolean;
  sandbox: string;
}

export interface Project {
  id: string;
  path: string;
  git: boolean;
  branch: string | null;
}

export interface Agent {
  name: string;
  adapter: string;
  available: boolean;
  why: string | null;
}

export interface BoxFacts {
  name: string;
  version: string;
  epoch: number;
  spawn_mode: SpawnMode;
  capacity: number;
  used: number;
  projects: Project[];
  agents: Agent[];
  sandbox: unknown;
  urls: string[];
  /** What people should know now: a full disk, a project that is gone. */
  notices?: string[];
  you: Who & { role: string };
}

export interface Approval {
  id: string;
  session: string;
  state: string;
}

export interface Pairing {
  id: string;
  state: "waiting" | "accepted" | "refused" | "expired";
  expires_at: string;
  claimed: { address: string; label: string } | null;
  contenders: string[];
  tries_left: number;
}

export interface Device {
  id: string;
  kind: "browser" | "cli" | "machine";
  label: string;
  person: string;
  role: string;
  created_at: string;
  last_used_at: string | null;
  /** Streams that it has open. */
  lines: number;
  created_by: unknown;
  current: boolean;
}

/** What `/v1/stream` says, each a whole current object. */
export type BoxMessage =
  /** `pairings`: those that are open, to whoever may let devices in. */
  | { type: "hello"; box: BoxFacts; sessions: Session[]; approvals: Approval[]; pairings?: Pairing[] }
  | { type: "box"; box: BoxFacts }
  | { type: "session"; session: Session }
  | { type: "session_gone"; id: string }
  | { type: "approval"; approval: Approval }
  | { type: "pairing"; pairing: Pairing }
  | { type: "pairing_gone"; id: string }
  | { type: "notice"; level?: string; text: string }
  | { type: "bye"; reason: string; retry: boolean };
