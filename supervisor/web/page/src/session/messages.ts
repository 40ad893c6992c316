/** What goes over a session's stream, both ways: protocol `rc.v1`. The counterpart is `supervisor/core/messages.py`. */

import type { Session, Who } from "../api/types.ts";

export type { Session, Who };

export interface Holder extends Who {
  connection: string;
}

/** An error as the box tells it (RFC 9457), with its own fields beside these. */
export interface Told {
  code: string;
  detail: string;
  hint?: string;
  [field: string]: unknown;
}

/** An ACP `session/update` object, or one of the box's own, whose kind begins with `_rc/`. */
export interface Update {
  sessionUpdate: string;
  [field: string]: unknown;
}

export interface SessionEvent {
  type: "event";
  seq: number;
  at: string;
  origin: string;
  by?: Who;
  turn?: string;
  update: Update;
}

export interface Hello {
  type: "hello";
  protocol: number;
  epoch: number;
  history: string;
  session: Session;
  role: string;
  connection: string;
  last_seq: number;
}

export type ServerMessage =
  | Hello
  | SessionEvent
  | { type: "gap"; from: number; to: number }
  | { type: "history_changed"; history: string; last_seq: number; terminal_offset: number }
  | { type: "ack"; id: string; seq: number }
  | { type: "refused"; id: string | null; error: Told }
  | { type: "behind"; last_seq: number; terminal_offset: number }
  | { type: "lease"; holder: Holder | null; until: string | null }
  | { type: "terminal_gap"; from: number; to: number }
  | { type: "screen"; live_at: number }
  | { type: "size"; rows: number; columns: number }
  | { type: "pong"; id: string }
  | { type: "bye"; reason: string; retry: boolean };

/** Commands that a page gives; each but the last two may carry a `message_id`, by which a repeat is known. */
export type Command =
  | { kind: "prompt"; text: string; message_id?: string }
  | { kind: "interrupt"; message_id?: string }
  | { kind: "cancel_message"; message_id: string }
  | { kind: "resize"; rows: number; columns: number }
  | { kind: "take_lease" }
  | { kind: "release_lease" };

/** Octets of a terminal. `state` is what holds at `offset` and no output; `output` begins there. */
export interface Octets {
  kind: "output" | "state";
  offset: number;
  data: Uint8Array;
}

const OUTPUT = 1;
const STATE = 2;
const KEYS = 1;
const HEAD = 9; // octets before the terminal's own: the kind, and the offset as 64 bits

/** The most octets of keys in one frame: with its head it stays far under the 256 KiB at which a box closes. */
export const MOST_KEYS = 32 << 10;

/** The message in a text frame, parsed; null for what this page is too old to know, or what is no message. */
export function messageOf(value: unknown): ServerMessage | null {
  const known = typeof value === "object" && value !== null && TYPES.has(String((value as { type?: unknown }).type));
  return known ? (value as ServerMessage) : null;
}

const TYPES = new Set<string>([
  ...["hello", "event", "gap", "history_changed", "ack", "refused", "behind", "lease"],
  ...["terminal_gap", "screen", "size", "pong", "bye"],
]);

/** The octets in a binary frame, without a copy; null for a kind that this page does not know. */
export function parseOctets(frame: ArrayBuffer): Octets | null {
  if (frame.byteLength < HEAD) return null;
  const view = new DataView(frame);
  const kind = view.getUint8(0);
  if (kind !== OUTPUT && kind !== STATE) return null;
  const offset = view.getUint32(1) * 2 ** 32 + view.getUint32(5);
  return { kind: kind === OUTPUT ? "output" : "state", offset, data: new Uint8Array(frame, HEAD) };
}

/** Frames that type `keys`, none larger than `MOST_KEYS`. */
export function keyFrames(keys: Uint8Array): Uint8Array<ArrayBuffer>[] {
  const frames: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0; at < keys.length; at += MOST_KEYS) {
    const piece = keys.subarray(at, at + MOST_KEYS);
    const frame = new Uint8Array(1 + piece.length);
    frame[0] = KEYS;
    frame.set(piece, 1);
    frames.push(frame);
  }
  return frames;
}

export function commandFrame(id: string, command: Command): string {
  return JSON.stringify({ type: "command", id, command });
}

export function creditFrame(offset: number): string {
  return JSON.stringify({ type: "credit", terminal_offset: offset });
}

/** States in which a session has no agent any more. */
export const ENDED = new Set(["exited", "lost", "suspended"]);
