/**
 * This page at one session: a line that is opened again for ever, what goes over it, and what was said and has to
 * arrive. What it means is decided in `Reader`; who draws it gets its `Step`s.
 */

import { signal, type Signal } from "@preact/signals";

import type { Box } from "../api/box.ts";
import { Line, type LineState } from "../api/line.ts";
import { Problem } from "../api/problem.ts";
import { shelf } from "../device/shelf.ts";
import { commandFrame, creditFrame, keyFrames, messageOf, parseOctets } from "./messages.ts";
import type { Command, Hello, Holder, Session, Told } from "./messages.ts";
import { Outbox, type Unsaid } from "./outbox.ts";
import { FAR, Reader, type Step } from "./reader.ts";

const CALM_MS = 2000; // between two lines that are asked for at once; a third waits as after a cut
const LOOK_MS = 1000; // between two looks at how far the box is
const ANSWER_MS = 15_000; // for a command that is not a message; what was not answered then is told as failed

export interface Lease {
  holder: Holder | null;
  mine: boolean;
}

export class Visit {
  readonly line: Signal<LineState> = signal({ kind: "opening", since: Date.now(), problem: null });
  /** The newest one; its session is as it was when the line was opened. */
  readonly hello: Signal<Hello | null> = signal(null);
  readonly lease: Signal<Lease> = signal({ holder: null, mine: false });
  readonly unsaid: Signal<readonly Unsaid[]>;
  /** What the box refused last; whoever shows it may set it to null. */
  readonly refused: Signal<Told | null> = signal(null);
  readonly isTerminal: boolean;
  readonly id: string;
  #box: Pick<Box, "openStream" | "request">;
  #reader: Reader;
  #outbox: Outbox;
  #listeners = new Set<(step: Step) => void>();
  #line: Line | null = null;
  #leave: () => void = () => undefined; // hear nothing of this line any more
  #reopenedAt = -Infinity;
  #asked = new Map<string, (error: Told | null) => void>();
  #number = 0;
  #came = 0; // octets, since it was last asked how many there are
  #lookedAt = 0;

  constructor(box: Pick<Box, "openStream" | "request">, session: Session) {
    this.id = session.id;
    this.isTerminal = session.terminal !== null;
    this.#box = box;
    this.#reader = new Reader(this.isTerminal, session.last_seq);
    this.#outbox = new Outbox(shelf, session.id);
    this.unsaid = signal(this.#outbox.all);
  }

  /** Open the line, once there is somebody to listen. */
  begin(): void {
    this.#line ??= this.#open();
  }

  /** Leave it until `begin`; a terminal then takes its screen anew. */
  pause(): void {
    this.#reader.takeScreen();
    this.close();
  }

  listen(listener: (step: Step) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get isOpen(): boolean {
    return this.hello.value !== null && this.#line?.socket?.readyState === WebSocket.OPEN;
  }

  /** Whether this connection may do more than look. */
  get mayType(): boolean {
    return this.hello.value?.role !== "viewer";
  }

  retry(): void {
    this.#line?.retry();
  }

  close(): void {
    this.#leave();
    this.#line?.close();
    this.#line = null;
    this.#cut();
  }

  /** Say something to the agent. It is sent until the box has it. */
  say(text: string): boolean {
    if (this.#outbox.isFull) return false;
    const id = crypto.randomUUID();
    this.#outbox.add(id, text, Date.now());
    this.#showOutbox();
    this.#send(commandFrame(id, { kind: "prompt", text, message_id: id }));
    return true;
  }

  /** A message that is shown elsewhere by now, or that nobody wants any more. */
  dropUnsaid(id: string): void {
    this.#outbox.drop(id);
    this.#showOutbox();
  }

  /** Null when the box has accepted it; otherwise why not. */
  async ask(command: Command): Promise<Told | null> {
    const id = `c${(this.#number += 1)}`;
    if (!this.#send(commandFrame(id, command))) return CUT;
    let late: ReturnType<typeof setTimeout> | undefined;
    const answered = new Promise<Told | null>((resolve) => {
      this.#asked.set(id, resolve);
      late = setTimeout(() => resolve(CUT), ANSWER_MS);
    });
    const error = await answered;
    clearTimeout(late);
    this.#asked.delete(id);
    return error;
  }

  /** The same for a person's wish: what is refused is shown. */
  async wish(command: Command): Promise<void> {
    this.refused.value = await this.ask(command);
  }

  /** Keys for the terminal; false when there is no line, and they are lost. */
  type(keys: Uint8Array): boolean {
    return this.isOpen && keyFrames(keys).every((frame) => this.#send(frame));
  }

  /** The output up to here has been drawn. */
  credit(offset: number): void {
    this.#send(creditFrame(offset));
  }

  #send(frame: string | Uint8Array<ArrayBuffer>): boolean {
    const socket = this.#line?.socket;
    if (socket?.readyState !== WebSocket.OPEN) return false;
    socket.send(frame);
    return true;
  }

  #open(): Line {
    let left = false;
    const line: Line = new Line({
      open: () => {
        this.#reader.cut();
        return this.#box.openStream({ session: this.id }, { ...this.#reader.query() });
      },
      opened: (socket) => {
        for (const { id, text } of this.#outbox.toSend) {
          socket.send(commandFrame(id, { kind: "prompt", text, message_id: id }));
        }
      },
      message: (data) => {
        if (!left) this.#hear(data);
      },
      changed: (state) => {
        if (left) return;
        left = state.kind === "closed";
        this.line.value = state;
        if (state.kind !== "open") this.#cut();
      },
    });
    this.#leave = () => (left = true);
    return line;
  }

  #cut(): void {
    this.hello.value = null;
    this.lease.value = { holder: null, mine: false };
    this.#failAll();
  }

  #failAll(): void {
    for (const settle of this.#asked.values()) settle(CUT);
  }

  #hear(data: unknown): void {
    if (data instanceof ArrayBuffer) {
      const octets = parseOctets(data);
      if (octets) this.#take(this.#reader.octets(octets));
      this.#followed(data.byteLength);
      return;
    }
    const message = messageOf(data);
    if (message) this.#take(this.#reader.message(message));
  }

  /**
   * A line that goes on from where it was cut is never told that it is behind: the box reads on for it, at its pace.
   * While much comes, ask how much more there is, and take the screen as it is now when that is sooner there.
   */
  #followed(octets: number): void {
    this.#came += octets;
    const now = performance.now();
    if (!this.#reader.catchesUp || this.#came < FAR || now - this.#lookedAt < LOOK_MS) return;
    this.#came = 0;
    this.#lookedAt = now;
    const look = async () => {
      const { terminal } = await this.#box.request<Session>("GET", `/v1/code/sessions/${encodeURIComponent(this.id)}`);
      if (!this.#reader.catchesUp || (terminal?.offset ?? 0) - this.#reader.end < FAR) return;
      this.#reader.takeScreen();
      this.#reopen();
    };
    look().catch(() => undefined); // the line itself says what is wrong
  }

  #take(steps: Step[]): void {
    for (const step of steps) {
      this.#note(step);
      for (const listener of this.#listeners) listener(step);
    }
  }

  #note(step: Step): void {
    switch (step.do) {
      case "greet":
        this.hello.value = step.hello;
        break;
      case "lease":
        this.lease.value = { holder: step.holder, mine: step.mine };
        if (step.mine || step.holder === null) this.#forgetHeld();
        break;
      case "settle":
        this.#settle(step.id);
        break;
      case "refuse":
        this.#refuse(step.id, step.error);
        break;
      case "reopen":
        this.#reopen();
        break;
      case "part":
        if (!step.retry) this.#part(step.reason);
        break;
    }
  }

  #settle(id: string): void {
    this.#asked.get(id)?.(null);
    if (!this.#outbox.has(id)) return;
    // A terminal shows what was typed; a conversation tells it when its turn has come.
    if (this.isTerminal) this.#outbox.drop(id);
    else this.#outbox.accept(id);
    this.#showOutbox();
  }

  #refuse(id: string | null, error: Told): void {
    if (id !== null && this.#outbox.has(id)) {
      this.#outbox.refuse(id, error);
      this.#showOutbox();
    } else if (id !== null) this.#asked.get(id)?.(error);
    else this.refused.value = error;
  }

  #forgetHeld(): void {
    if (this.refused.value?.code === "lease_held") this.refused.value = null;
  }

  #part(reason: string): void {
    const [detail, hint] = PARTINGS[reason] ?? [reason.replaceAll("_", " "), ""];
    this.#line?.close(new Problem(reason, detail, hint));
  }

  #showOutbox(): void {
    this.unsaid.value = this.#outbox.all;
  }

  #reopen(): void {
    const now = performance.now();
    if (now - this.#reopenedAt < CALM_MS) {
      this.#line?.socket?.close();
      return;
    }
    this.#reopenedAt = now;
    this.close();
    this.begin();
  }
}

const CUT: Told = { code: "unreachable", detail: "the line to the box was cut", hint: "try again when it is back" };

const PARTINGS: Record<string, [detail: string, hint: string]> = {
  session_deleted: ["this session was deleted", "what it left can be found by: rc trash"],
  revoked: ["this device was revoked", "pair it again"],
};
