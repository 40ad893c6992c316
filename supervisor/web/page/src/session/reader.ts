/**
 * One reader of a session over all of its lines: what each message means, and where the next line goes on.
 *
 * Nothing here does anything; `Step`s say what is to be done. No gap and no double follow from the numbers: what
 * comes twice is dropped, and where something is missing a new line is asked for, which begins with a whole screen.
 */

import type { Hello, Holder, Octets, ServerMessage, SessionEvent, Told } from "./messages.ts";

export type Step =
  | { do: "greet"; hello: Hello }
  | { do: "forget" } // what was told before belongs to another numbering
  | { do: "mute" } // what comes now was asked long ago: the terminal's own answers to it are not wanted
  | { do: "unmute" }
  | { do: "clear" } // a snapshot begins
  | { do: "size"; rows: number; columns: number }
  | { do: "write"; data: Uint8Array; end: number }
  | { do: "event"; event: SessionEvent }
  | { do: "gap"; from: number; to: number }
  | { do: "lease"; holder: Holder | null; mine: boolean }
  | { do: "settle"; id: string; seq: number }
  | { do: "refuse"; id: string | null; error: Told }
  | { do: "reopen" } // leave this line for a new one, at once
  | { do: "part"; reason: string; retry: boolean };

export interface Query {
  after?: number;
  terminal_after?: number;
  history?: string;
  catch_up: "all" | "screen";
}

/** Octets; as much as the box itself lets a reader be behind before it sends a screen instead. */
export const FAR = 1 << 20;

/** Events of a conversation that come at first; what is older is asked for page by page. */
export const TAIL = 300;

export class Reader {
  connection = ""; // our name at the box, for this line
  readonly isTerminal: boolean;
  private seq: number | null;
  private history: string | null = null;
  private offset: number | null = null; // up to where output is known; null: take a whole screen
  private asked: "all" | "screen" = "screen"; // by this line
  private isSnapshot = false;
  private mutedUntil: number | null = null;
  private isLeaving = false; // a new line was asked for; what still comes on this one counts no more

  /** `lastSeq`: what is known of the end of a conversation; of a terminal only new events count. */
  constructor(isTerminal: boolean, lastSeq: number) {
    this.isTerminal = isTerminal;
    this.seq = isTerminal ? null : Math.max(0, lastSeq - TAIL);
  }

  /** Where the next line begins. */
  query(): Query {
    this.asked = this.isTerminal && this.offset === null ? "screen" : "all";
    this.isLeaving = false;
    const query: Query = { catch_up: this.asked };
    if (this.seq !== null) query.after = this.seq;
    if (this.isTerminal && this.offset !== null) query.terminal_after = this.offset;
    if (this.history !== null) query.history = this.history;
    return query;
  }

  /** Whether this line has the box read on from where we were, however long that takes. */
  get catchesUp(): boolean {
    return this.isTerminal && this.asked === "all";
  }

  /** Up to where output came. */
  get end(): number {
    return this.offset ?? 0;
  }

  /** The line is gone. A snapshot that was cut off is taken anew. */
  cut(): void {
    if (this.isSnapshot) this.offset = null;
    this.isSnapshot = false;
    this.mutedUntil = null;
    this.connection = "";
  }

  /** The next line begins with a whole screen; this one counts no more. */
  takeScreen(): void {
    this.startAnew();
  }

  octets(octets: Octets): Step[] {
    if (this.isLeaving) return [];
    let { offset, data } = octets;
    if (octets.kind === "state") {
      if (!this.isSnapshot) return this.startAnew();
      this.offset = offset;
    } else {
      if (!this.isSnapshot && this.offset !== null) {
        if (offset > this.offset) return this.startAnew();
        data = data.subarray(this.offset - offset);
        offset = this.offset;
      }
      this.offset = offset + data.length;
    }
    const steps: Step[] = data.length ? [{ do: "write", data, end: this.offset }] : [];
    return [...steps, ...this.unmuteWhenDue()];
  }

  private unmuteWhenDue(): Step[] {
    if (this.mutedUntil === null || (this.offset ?? 0) < this.mutedUntil) return [];
    this.mutedUntil = null;
    this.isSnapshot = false;
    return [{ do: "unmute" }];
  }

  private startAnew(): Step[] {
    this.offset = null;
    this.isLeaving = true;
    return [{ do: "reopen" }];
  }

  message(message: ServerMessage): Step[] {
    if (this.isLeaving) return [];
    switch (message.type) {
      case "hello":
        return this.greet(message);
      case "event":
        return this.event(message.seq, message);
      case "gap":
        this.seq = Math.max(this.seq ?? 0, message.to);
        return [{ do: "gap", from: message.from, to: message.to }];
      case "history_changed":
        return this.changeHistory(message.history, message.last_seq);
      case "behind":
        // Terminals alone: the line of a conversation reads on at its own pace. What was skipped has no place there.
        this.seq = Math.max(this.seq ?? 0, message.last_seq);
        return [];
      case "screen":
        this.mutedUntil = message.live_at;
        this.isSnapshot = true;
        return [{ do: "mute" }, { do: "clear" }];
      case "size":
        return [{ do: "size", rows: message.rows, columns: message.columns }];
      case "terminal_gap":
        return this.startAnew();
      case "lease":
        return [{ do: "lease", holder: message.holder, mine: message.holder?.connection === this.connection }];
      case "ack":
        return [{ do: "settle", id: message.id, seq: message.seq }];
      case "refused":
        return this.refuse(message.id, message.error);
      case "pong":
        return [];
      case "bye":
        return [{ do: "part", reason: message.reason, retry: message.retry }];
    }
  }

  private greet(hello: Hello): Step[] {
    const steps: Step[] = [{ do: "greet", hello }];
    const isOurs = this.history === null || this.history === hello.history;
    const missed = (hello.session.terminal?.offset ?? 0) - (this.offset ?? Infinity);
    this.connection = hello.connection;
    this.history = this.history ?? hello.history;
    this.seq = this.seq ?? hello.last_seq;
    if (isOurs && missed > FAR) return [...steps, ...this.startAnew()];
    if (isOurs && missed > 0) {
      this.mutedUntil = (this.offset ?? 0) + missed;
      steps.push({ do: "mute" });
    }
    return steps;
  }

  private event(seq: number, event: SessionEvent): Step[] {
    if (this.seq !== null && seq <= this.seq) return [];
    this.seq = seq;
    return [{ do: "event", event }];
  }

  private changeHistory(history: string, lastSeq: number): Step[] {
    this.history = history;
    this.seq = this.isTerminal ? lastSeq : Math.max(0, lastSeq - TAIL);
    this.offset = null;
    // A line that asked for a screen gets one now.
    return this.asked === "screen" ? [{ do: "forget" }] : [{ do: "forget" }, ...this.startAnew()];
  }

  private refuse(id: string | null, error: Told): Step[] {
    if (id !== null || error.code !== "invalid" || typeof error.end !== "number") {
      return [{ do: "refuse", id, error }];
    }
    // A box that was set back knows less than we do.
    if (error.field === "after") this.seq = this.isTerminal ? error.end : Math.max(0, error.end - TAIL);
    return [{ do: "forget" }, ...this.startAnew()];
  }
}
