import assert from "node:assert/strict";
import { test } from "node:test";

import { Conversation } from "./conversation.ts";
import type { Item } from "./items.ts";
import type { SessionEvent, Update } from "./messages.ts";

const OWNER = { person: "owner", device: null };

/** Events with numbers from `first` on. */
function events(first: number, ...updates: (Update & { turn?: string })[]): SessionEvent[] {
  return updates.map(({ turn, ...update }, index) => ({
    type: "event",
    seq: first + index,
    at: "2026-01-01T00:00:00.000Z",
    origin: "agent",
    ...(update.sessionUpdate.startsWith("user") || update.sessionUpdate === "_rc/command" ? { by: OWNER } : {}),
    ...(turn ? { turn } : {}),
    update: update as Update,
  }));
}

function told(...updates: (Update & { turn?: string })[]): Conversation {
  const conversation = new Conversation();
  for (const event of events(1, ...updates)) conversation.append(event);
  return conversation;
}

const agent = (text: string, turn = "m1") => ({ sessionUpdate: "agent_message_chunk", content: { type: "text", text }, turn });
const person = (text: string, turn = "m1") => ({ sessionUpdate: "user_message_chunk", content: { type: "text", text }, turn });
const thought = (text: string) => ({ sessionUpdate: "agent_thought_chunk", content: { type: "text", text }, turn: "m1" });
const state = (message_id: string, state: string) => ({ sessionUpdate: "_rc/message_state", message_id, state });
const asked = (message_id: string) => ({ sessionUpdate: "_rc/command", kind: "prompt", message_id });

function texts(items: Item[]): string[] {
  return items.map((item) => ("text" in item ? item.text : item.kind));
}

test("what one says in pieces is one message", () => {
  const conversation = told(person("hi"), agent("hel"), agent("lo"), thought("hm"), thought("m"), agent("bye"));
  assert.deepEqual(texts(conversation.items), ["hi", "hello", "hmm", "bye"]);
  assert.deepEqual(
    conversation.items.map((item) => item.kind),
    ["message", "message", "thought", "message"],
  );
});

test("two turns are two messages", () => {
  assert.deepEqual(texts(told(agent("a", "m1"), agent("b", "m2")).items), ["a", "b"]);
});

test("an item that changes is another one, and the others stay", () => {
  const conversation = told(person("hi"), agent("hel"));
  const [first, second] = conversation.items;
  conversation.append(events(3, agent("lo"))[0]!);
  assert.equal(conversation.items[0], first);
  assert.notEqual(conversation.items[1], second);
});

test("an event that comes again changes nothing", () => {
  const conversation = told(agent("a"));
  const { version } = conversation;
  conversation.append(events(1, agent("a"))[0]!);
  assert.deepEqual(texts(conversation.items), ["a"]);
  assert.equal(conversation.version, version);
});

test("older events go in front, joined with what they began", () => {
  const conversation = new Conversation();
  for (const event of events(3, agent("lo"), agent("b", "m2"))) conversation.append(event);
  assert.equal(conversation.firstSeq, 3);
  conversation.prepend(events(1, person("hi"), agent("hel"), agent("twice")));
  assert.deepEqual(texts(conversation.items), ["hi", "hello", "b"]);
  assert.equal(conversation.firstSeq, 1);
});

test("a tool is one item, with what came last of each part", () => {
  const conversation = told(
    { sessionUpdate: "tool_call", toolCallId: "t", title: "Run", kind: "execute", status: "pending", rawInput: { command: "ls" } },
    agent("meanwhile"),
    {
      sessionUpdate: "tool_call_update",
      toolCallId: "t",
      status: "completed",
      content: [
        { type: "content", content: { type: "text", text: "a.txt" } },
        { type: "diff", path: "a", oldText: null, newText: "x" },
        { type: "terminal", terminalId: "1" },
      ],
    },
  );
  const tool = conversation.items[0];
  assert.ok(tool?.kind === "tool");
  assert.deepEqual([tool.title, tool.tool, tool.status, tool.input], ["Run", "execute", "completed", "ls"]);
  assert.deepEqual(tool.output, [
    { kind: "text", text: "a.txt" },
    { kind: "diff", path: "a", before: "", after: "x" },
    { kind: "other", name: "terminal" },
  ]);
  assert.equal(conversation.items.length, 2);
  assert.equal(conversation.touched, 1);
});

test("a tool without content shows what it gave as it is", () => {
  const [tool] = told({ sessionUpdate: "tool_call", toolCallId: "t", rawInput: { path: "a" }, rawOutput: { lines: 3 } }).items;
  assert.ok(tool?.kind === "tool");
  assert.equal(tool.input, '{\n  "path": "a"\n}');
  assert.deepEqual(tool.output, [{ kind: "text", text: '{\n  "lines": 3\n}' }]);
});

test("a plan is replaced by the next one of its turn", () => {
  const entry = (status: string) => ({ content: "look", status, priority: "high" });
  const conversation = told(
    { sessionUpdate: "plan", entries: [entry("pending")], turn: "m1" },
    agent("x"),
    { sessionUpdate: "plan", entries: [entry("completed")], turn: "m1" },
  );
  assert.deepEqual(conversation.items.length, 2);
  assert.deepEqual(conversation.items[0]?.kind === "plan" && conversation.items[0].entries, [
    { text: "look", status: "completed" },
  ]);
});

test("a message is queued without its text, then started with it, then done", () => {
  const conversation = told(asked("m1"), state("m1", "queued"));
  assert.deepEqual(conversation.unshown.map((message) => [message.id, message.state, message.by?.person]), [
    ["m1", "queued", "owner"],
  ]);
  for (const event of events(3, state("m1", "started"), person("hi", "m1"))) conversation.append(event);
  assert.deepEqual(conversation.unshown, []);
  assert.equal(conversation.message("m1")?.state, "started");
  conversation.append(events(5, state("m1", "completed"))[0]!);
  assert.equal(conversation.message("m1")?.state, "completed");
  assert.equal(conversation.message("m2"), undefined);
  assert.equal(conversation.message(undefined), undefined);
});

test("a message that was called back before its turn is still known", () => {
  const conversation = told(asked("m1"), state("m1", "queued"), state("m1", "cancelled"));
  assert.equal(conversation.unshown[0]?.state, "cancelled");
});

test("a message whose text is on an older page is not told as waiting", () => {
  assert.deepEqual(told(state("m1", "completed")).unshown, []);
});

test("a turn runs until it is idle, or its agent is gone", () => {
  const running = { sessionUpdate: "state_update", state: "running" };
  assert.equal(told(running).running, true);
  assert.equal(told(running, { sessionUpdate: "state_update", state: "idle", stopReason: "end_turn" }).running, false);
  assert.equal(told(running, { sessionUpdate: "_rc/process", state: "exited", code: 1 }).running, false);
});

test("how an agent ended is told in words", () => {
  const ended = (facts: object) => texts(told({ sessionUpdate: "_rc/process", state: "exited", ...facts }).items)[0];
  assert.equal(ended({ code: 3, reason: "ended" }), "the agent ended with code 3");
  assert.equal(ended({ signal: "SIGKILL", reason: "killed" }), "the agent ended by SIGKILL (killed)");
  assert.equal(ended({}), "the agent ended");
  assert.deepEqual(texts(told({ sessionUpdate: "_rc/process", state: "suspended" }).items), ["suspended"]);
  assert.deepEqual(told({ sessionUpdate: "_rc/process", state: "running", pid: 1 }).items, []);
});

test("what happens beside the conversation is a line each", () => {
  const conversation = told(
    { sessionUpdate: "_rc/notice", level: "warning", text: "careful" },
    { sessionUpdate: "_rc/notice", level: "odd", text: "well" },
    { sessionUpdate: "_rc/command", kind: "interrupt" },
    { sessionUpdate: "state_update", state: "idle", stopReason: "refusal" },
    { sessionUpdate: "_rc/renamed", name: "new" },
    { sessionUpdate: "_rc/archived" },
    { sessionUpdate: "_rc/restored" },
    { sessionUpdate: "_rc/conversation_reset" },
    { sessionUpdate: "usage_update", used: 3 },
  );
  assert.deepEqual(texts(conversation.items), [
    "careful",
    "well",
    "owner stopped the turn",
    "the agent refuses to go on",
    "renamed to new",
    "put away in the archive",
    "taken back",
    "the agent begins without what was said before",
  ]);
  assert.deepEqual(
    conversation.items.slice(0, 2).map((item) => item.kind === "note" && item.level),
    ["warning", "info"],
  );
});

test("an approval is one item, whatever becomes of it", () => {
  const approval = (state: string, more: object = {}) => ({ sessionUpdate: "_rc/approval", id: "a", state, ...more });
  const [item] = told(approval("open", { tool_call: { title: "rm" } }), approval("denied", { by: OWNER })).items;
  assert.deepEqual(item?.kind === "approval" && [item.title, item.state, item.by?.person], ["rm", "denied", "owner"]);
});

test("content that is no text is named", () => {
  const image = { sessionUpdate: "agent_message_chunk", content: { type: "image", data: "" } };
  const link = { sessionUpdate: "agent_message_chunk", content: { type: "resource_link", uri: "file:///a" } };
  const odd = { sessionUpdate: "agent_message_chunk" };
  assert.deepEqual(texts(told(image, link, odd).items), ["[image]file:///a[nothing]"]);
});

test("what was cut can be made whole", () => {
  const conversation = told({ ...agent("beg"), truncated: { bytes: 900_000, sha256: "ff" } });
  assert.deepEqual(conversation.items[0]?.cut, { seq: 1, bytes: 900_000, sha256: "ff" });
  conversation.complete(1, { sessionUpdate: "agent_message_chunk", content: { type: "text", text: "beginning" } });
  assert.deepEqual(texts(conversation.items), ["beginning"]);
  assert.equal(conversation.items[0]?.cut, undefined);
});

test("another history begins with nothing", () => {
  const conversation = told(person("hi"), state("m1", "queued"));
  conversation.forget();
  assert.deepEqual([conversation.items, conversation.unshown, conversation.firstSeq, conversation.lastSeq], [[], [], null, null]);
});
