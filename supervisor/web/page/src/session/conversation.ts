/**
 * A session's events as a conversation: what was said, thought, done and planned, in order.
 *
 * Events come in two ways: live ones at the end, pages of older ones at the front. An item is never changed but
 * replaced by another, so that whoever draws them sees by identity what to draw again.
 */

import { itemOf, join, joins, type Item } from "./items.ts";
import { ENDED, type SessionEvent, type Update, type Who } from "./messages.ts";

export type MessageState = "queued" | "started" | "completed" | "cancelled";

/** A message that somebody sent, as far as the box has told. */
export interface Told {
  id: string;
  state: MessageState;
  by: Who | null;
  at: string;
  isShown: boolean; // its text is an item
}

export class Conversation {
  items: Item[] = [];
  version = 0; // rises with every change
  running = false; // a turn is going on
  touched = 0; // rises when files may have changed: a tool has ended, a turn has
  private events: SessionEvent[] = [];
  private byKey = new Map<string, number>(); // of items that are updated later: their index
  private messages = new Map<string, Told>();

  /** The number of the first event that is here; null: nothing is. */
  get firstSeq(): number | null {
    return this.events[0]?.seq ?? null;
  }

  get lastSeq(): number | null {
    return this.events.at(-1)?.seq ?? null;
  }

  /** Messages that wait for their turn, or that were called back before it; their text is told when it begins. */
  get unshown(): Told[] {
    const waits = (message: Told) => message.state === "queued" || message.state === "cancelled";
    return [...this.messages.values()].filter((message) => !message.isShown && waits(message));
  }

  message(id: string | undefined): Told | undefined {
    return id === undefined ? undefined : this.messages.get(id);
  }

  append(event: SessionEvent): void {
    if (event.seq <= (this.lastSeq ?? 0)) return;
    this.events.push(event);
    this.take(event);
    this.version += 1;
  }

  /** A page of events older than all that are here, in their order. */
  prepend(events: SessionEvent[]): void {
    const before = this.firstSeq ?? Infinity;
    this.rebuild([...events.filter((event) => event.seq < before), ...this.events]);
  }

  /** An update that the box had cut, now whole. */
  complete(seq: number, update: Update): void {
    this.rebuild(this.events.map((event) => (event.seq === seq ? { ...event, update } : event)));
  }

  /** What was told before belongs to another numbering. */
  forget(): void {
    this.rebuild([]);
  }

  private rebuild(events: SessionEvent[]): void {
    this.events = events;
    this.items = [];
    this.byKey.clear();
    this.messages.clear();
    this.running = false;
    for (const event of events) this.take(event);
    this.version += 1;
  }

  private take(event: SessionEvent): void {
    const { update } = event;
    switch (update.sessionUpdate) {
      case "_rc/message_state":
        this.noteMessage(event);
        return;
      case "_rc/command":
        this.noteCommand(event);
        return;
      case "state_update":
        this.running = update.state !== "idle";
        break;
      case "_rc/process":
        if (ENDED.has(String(update.state))) this.running = false;
        break;
      case "user_message_chunk":
        this.show(event.turn);
        break;
    }
    if (update.sessionUpdate === "tool_call_update" || (update.sessionUpdate === "state_update" && !this.running)) {
      this.touched += 1;
    }
    this.put(itemOf(event));
  }

  private put(item: Item | null): void {
    if (item === null) return;
    const at = this.byKey.get(item.key);
    const before = this.items[at ?? -1];
    if (at !== undefined && before) {
      this.items[at] = join(before, item);
      return;
    }
    const last = this.items.at(-1);
    if (last && joins(last, item)) {
      this.items[this.items.length - 1] = join(last, item);
      return;
    }
    this.byKey.set(item.key, this.items.length);
    this.items.push(item);
  }

  private noteMessage(event: SessionEvent): void {
    const id = String(event.update.message_id);
    const known = this.messages.get(id);
    const state = event.update.state as MessageState;
    this.messages.set(id, known ? { ...known, state } : { id, state, by: null, at: event.at, isShown: false });
  }

  private noteCommand(event: SessionEvent): void {
    const { kind, message_id: id } = event.update;
    if (kind === "interrupt") this.put(itemOf(event));
    if (kind !== "prompt" || typeof id !== "string" || this.messages.has(id)) return;
    this.messages.set(id, { id, state: "queued", by: event.by ?? null, at: event.at, isShown: false });
  }

  private show(id: string | undefined): void {
    const message = this.message(id);
    if (message) this.messages.set(message.id, { ...message, isShown: true });
  }
}
