/**
 * What somebody has said and the box has not yet told as said. It outlives a cut, a reload and a closed page.
 *
 * Each has a UUID, by which the box knows a repeat: it may be sent on any line as often as it takes, and is carried
 * out once. The text is kept beyond the box's answer, because a message that waits for its turn is told without it.
 */

import type { Shelf } from "../device/shelf.ts";
import type { Told } from "./messages.ts";

export interface Unsaid {
  id: string;
  text: string;
  at: number; // milliseconds since 1970, by our clock
  /** `accepted`: it is on the box's disk, and needs no repeat. */
  state: "sending" | "accepted" | "refused";
  error?: { detail: string; hint: string };
}

export const MOST_UNSAID = 100; // messages of one session; the box has as many known ids 100 times over

export class Outbox {
  private items: Unsaid[];
  private readonly shelf: Shelf;
  private readonly key: string;

  constructor(shelf: Shelf, session: string) {
    this.shelf = shelf;
    this.key = `rc.outbox.${session}`;
    this.items = read(shelf, this.key);
  }

  get all(): readonly Unsaid[] {
    return this.items;
  }

  /** What has to be sent on a new line, in order. */
  get toSend(): Unsaid[] {
    return this.items.filter((item) => item.state === "sending");
  }

  get isFull(): boolean {
    return this.items.length >= MOST_UNSAID;
  }

  has(id: string): boolean {
    return this.items.some((item) => item.id === id);
  }

  text(id: string): string | undefined {
    return this.items.find((item) => item.id === id)?.text;
  }

  add(id: string, text: string, at: number): void {
    this.keep([...this.items, { id, text, at, state: "sending" }]);
  }

  accept(id: string): void {
    this.keep(this.items.map((item) => (item.id === id ? { ...item, state: "accepted" } : item)));
  }

  refuse(id: string, error: Told): void {
    const why = { detail: error.detail, hint: error.hint ?? "" };
    this.keep(this.items.map((item) => (item.id === id ? { ...item, state: "refused", error: why } : item)));
  }

  /** The conversation shows it, or nobody wants it any more. */
  drop(id: string): void {
    if (this.has(id)) this.keep(this.items.filter((item) => item.id !== id));
  }

  private keep(items: Unsaid[]): void {
    this.items = items;
    this.shelf.put(this.key, items.length ? JSON.stringify(items) : null);
  }
}

function read(shelf: Shelf, key: string): Unsaid[] {
  try {
    const found: unknown = JSON.parse(shelf.get(key) ?? "[]");
    return Array.isArray(found) ? found.filter(isUnsaid) : [];
  } catch {
    return []; // somebody else wrote there
  }
}

function isUnsaid(value: unknown): value is Unsaid {
  const item = value as Unsaid | null;
  return typeof item?.id === "string" && typeof item.text === "string" && typeof item.state === "string";
}
