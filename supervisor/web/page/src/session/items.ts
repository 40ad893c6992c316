/** What a conversation consists of, each made from one event and joined with those that follow it. */

import type { SessionEvent, Update, Who } from "./messages.ts";

/** An update that was too large for the stream; the whole is at the box. */
export interface Cut {
  seq: number;
  bytes: number;
  sha256: string;
}

interface Common {
  key: string; // one in a conversation
  seq: number; // of its first event
  at: string;
  cut?: Cut;
}

export interface Message extends Common {
  kind: "message";
  from: "person" | "agent";
  by: Who | null;
  id: string | undefined; // of a person's message, and of the turn that it began
  turn: string | undefined;
  text: string;
}

export interface Thought extends Common {
  kind: "thought";
  turn: string | undefined;
  text: string;
}

/** A part of what a tool has done. */
export type Output =
  | { kind: "text"; text: string }
  | { kind: "diff"; path: string; before: string; after: string }
  | { kind: "other"; name: string };

export interface Tool extends Common {
  kind: "tool";
  title: string;
  tool: string; // what sort of tool: read, edit, execute…
  status: string; // pending, in_progress, completed, failed
  paths: string[];
  input: string;
  output: Output[];
}

export interface Plan extends Common {
  kind: "plan";
  entries: { text: string; status: string }[];
}

export interface Approval extends Common {
  kind: "approval";
  title: string;
  state: string;
  by: Who | null;
}

/** Something that happened, in a line. */
export interface Note extends Common {
  kind: "note";
  level: "info" | "warning" | "error";
  text: string;
}

export type Item = Message | Thought | Tool | Plan | Approval | Note;

const MOST_INPUT = 4000; // characters of a tool's input that are shown

/** The item that an event makes or changes; null for what tells a person nothing. */
export function itemOf(event: SessionEvent): Item | null {
  const item = MAKERS[event.update.sessionUpdate]?.(event.update, event) ?? null;
  const cut = event.update.truncated as { bytes?: unknown; sha256?: unknown } | undefined;
  if (item === null || typeof cut?.sha256 !== "string") return item;
  return { ...item, cut: { seq: event.seq, bytes: Number(cut.bytes), sha256: cut.sha256 } };
}

/** Whether `item` goes on with what `last` began to say. */
export function joins(last: Item, item: Item): boolean {
  if (last.kind === "message" && item.kind === "message") {
    return last.from === item.from && last.turn === item.turn && last.by?.person === item.by?.person;
  }
  return last.kind === "thought" && item.kind === "thought" && last.turn === item.turn;
}

/** `before` with what `item` adds to it. */
export function join(before: Item, item: Item): Item {
  const cut = item.cut ? { cut: item.cut } : {};
  switch (item.kind) {
    case "message":
    case "thought":
      return { ...before, ...cut, text: (before as Message | Thought).text + item.text } as Item;
    case "tool":
      return { ...joinedTool(before as Tool, item), ...cut };
    case "approval":
      return { ...item, ...cut, title: item.title || (before as Approval).title, seq: before.seq, at: before.at };
    default:
      return { ...item, seq: before.seq, at: before.at };
  }
}

function joinedTool(before: Tool, item: Tool): Tool {
  return {
    ...before,
    title: item.title || before.title,
    tool: item.tool || before.tool,
    status: item.status || before.status,
    paths: item.paths.length ? item.paths : before.paths,
    input: item.input || before.input,
    output: item.output.length ? item.output : before.output,
  };
}

type Maker = (update: Update, event: SessionEvent) => Item | null;

const MAKERS: Record<string, Maker> = {
  user_message_chunk: (update, event) => ({
    ...common(event),
    kind: "message",
    from: "person",
    by: event.by ?? null,
    id: event.turn,
    turn: event.turn,
    text: textOf(update.content),
  }),
  agent_message_chunk: (update, event) => ({
    ...common(event),
    kind: "message",
    from: "agent",
    by: null,
    id: undefined,
    turn: event.turn,
    text: textOf(update.content),
  }),
  agent_thought_chunk: (update, event) => ({
    ...common(event),
    kind: "thought",
    turn: event.turn,
    text: textOf(update.content),
  }),
  tool_call: toolOf,
  tool_call_update: toolOf,
  plan: (update, event) => ({
    ...common(event, `plan:${event.turn ?? ""}`),
    kind: "plan",
    entries: list(update.entries).map((entry) => ({ text: word(entry.content), status: word(entry.status) })),
  }),
  state_update: (update, event) => {
    const text = STOPS[word(update.stopReason)];
    return text === undefined ? null : noteOf(event, "info", text);
  },
  "_rc/process": processOf,
  "_rc/command": (_, event) => noteOf(event, "info", `${event.by?.person ?? "somebody"} stopped the turn`),
  "_rc/approval": (update, event) => ({
    ...common(event, `approval:${word(update.id)}`),
    kind: "approval",
    title: word((update.tool_call as Record<string, unknown> | undefined)?.title),
    state: word(update.state),
    by: (update.by as Who | undefined) ?? null,
  }),
  "_rc/notice": (update, event) => noteOf(event, levelOf(update.level), word(update.text)),
  "_rc/conversation_reset": (_, event) => noteOf(event, "info", "the agent begins without what was said before"),
  "_rc/renamed": (update, event) => noteOf(event, "info", `renamed to ${word(update.name)}`),
  "_rc/archived": (_, event) => noteOf(event, "info", "put away in the archive"),
  "_rc/restored": (_, event) => noteOf(event, "info", "taken back"),
};

/** Why a turn ended, where that is not that the agent was done. What somebody stopped has its note already. */
const STOPS: Record<string, string> = {
  refusal: "the agent refuses to go on",
  max_tokens: "the turn ended: the model's limit is reached",
  max_turn_requests: "the turn ended: it made as many requests as it may",
};

function common(event: SessionEvent, key = `e${event.seq}`): Common {
  return { key, seq: event.seq, at: event.at };
}

function noteOf(event: SessionEvent, level: Note["level"], text: string): Note {
  return { ...common(event), kind: "note", level, text };
}

function levelOf(level: unknown): Note["level"] {
  return level === "warning" || level === "error" ? level : "info";
}

function processOf(update: Update, event: SessionEvent): Item | null {
  const { state, code, signal, reason } = update;
  if (state === "suspended") return noteOf(event, "info", "suspended");
  if (state !== "exited" && state !== "lost") return null;
  const how = signal ? `by ${word(signal)}` : typeof code === "number" ? `with code ${code}` : "";
  const why = reason && reason !== "ended" ? ` (${word(reason).replaceAll("_", " ")})` : "";
  return noteOf(event, code === 0 ? "info" : "warning", `the agent ended ${how}${why}`.trimEnd());
}

function toolOf(update: Update, event: SessionEvent): Tool {
  return {
    ...common(event, `tool:${word(update.toolCallId)}`),
    kind: "tool",
    title: word(update.title),
    tool: word(update.kind),
    status: word(update.status),
    paths: list(update.locations).map((location) => word(location.path)),
    input: inputOf(update.rawInput),
    output: outputOf(update),
  };
}

function inputOf(input: unknown): string {
  if (input === undefined || input === null) return "";
  const command = (input as { command?: unknown }).command;
  const text = typeof input === "string" ? input : typeof command === "string" ? command : JSON.stringify(input, null, 2);
  return text.length > MOST_INPUT ? `${text.slice(0, MOST_INPUT)}…` : text;
}

function outputOf(update: Update): Output[] {
  const parts = list(update.content).map(partOf);
  if (parts.length || update.rawOutput === undefined || update.rawOutput === null) return parts;
  const raw = update.rawOutput;
  return [{ kind: "text", text: typeof raw === "string" ? raw : JSON.stringify(raw, null, 2) }];
}

function partOf(part: Record<string, unknown>): Output {
  if (part.type === "diff") {
    return { kind: "diff", path: word(part.path), before: word(part.oldText), after: word(part.newText) };
  }
  const content = part.content as { type?: unknown } | undefined;
  if (part.type === "content" && content?.type === "text") return { kind: "text", text: textOf(content) };
  return { kind: "other", name: word(content?.type ?? part.type) };
}

/** The text of a block of content; what is no text is named. */
function textOf(content: unknown): string {
  const block = (content ?? {}) as { type?: unknown; text?: unknown; uri?: unknown };
  if (block.type === "text") return word(block.text);
  return block.type === "resource_link" ? word(block.uri) : `[${word(block.type) || "nothing"}]`;
}

function list(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "object" && each !== null) : [];
}

function word(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}
