/** A line to the box that is opened again for ever, and knows since when it is down. */

import { asProblem, isObject, Problem, unreachable } from "./problem.ts";

const FIRST_SECONDS = 1;
const MOST_SECONDS = 30;
const SPREAD = 0.2; // so that all pages of a box that was started anew do not come at the same moment
const PING_SECONDS = 15; // a phone that changed its network is told by nobody
const PONG_SECONDS = 8;
const GOOD_SECONDS = 5; // a line that held so long counts as one, and the next wait is short again

/** Closed for good: trying again cannot help. */
const FINAL = new Set(["unauthenticated", "not_allowed", "unknown_session", "not_found", "page_fault"]);
const REVOKED = 4401;

export type LineState =
  | { kind: "opening"; since: number; problem: Problem | null }
  | { kind: "open"; since: number }
  /** `since`: when it was last known to be up, or when the first try began; `again`: when the next try begins. */
  | { kind: "waiting"; since: number; again: number; problem: Problem }
  | { kind: "closed"; problem: Problem | null };

export interface LineUse {
  /** A socket that is open, such as from `Box.openStream`. */
  open(): Promise<WebSocket>;
  /** Before any message of this socket: the place to say something first. */
  opened?(socket: WebSocket): void;
  /** An object that came as JSON, or octets; pongs are not passed on. */
  message(data: object, socket: WebSocket): void;
  changed(state: LineState): void;
}

/** Seconds to wait after `failures` in a row; `chance` is in [0, 1). */
export function pause(failures: number, chance: number): number {
  const plain = Math.min(MOST_SECONDS, FIRST_SECONDS * 2 ** Math.max(0, failures - 1));
  return Math.max(FIRST_SECONDS, plain * (1 - SPREAD * chance));
}

/** The object in a text frame; null for text that no box says. */
export function parseText(text: string): Record<string, unknown> | null {
  try {
    const message: unknown = JSON.parse(text);
    return isObject(message) ? message : null;
  } catch {
    return null;
  }
}

function garbled(): Problem {
  return new Problem("unreadable", "something that is not the box spoke on the line", "check the proxy in front of the box");
}

/** Keeps one line open from its making to `close`. */
export class Line {
  #use: LineUse;
  #socket: WebSocket | null = null;
  #state: LineState = { kind: "opening", since: Date.now(), problem: null };
  #failures = 0;
  #attempt = 0; // the newest one; what an older one brings is let go
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pinger: ReturnType<typeof setInterval> | undefined;
  #pong: ReturnType<typeof setTimeout> | undefined;

  constructor(use: LineUse) {
    this.#use = use;
    addEventListener("online", this.#wake);
    addEventListener("offline", this.#wake);
    document.addEventListener("visibilitychange", this.#wake);
    void this.#open();
  }

  get state(): LineState {
    return this.#state;
  }

  /** The socket while it is open. */
  get socket(): WebSocket | null {
    return this.#socket;
  }

  /** Try at once instead of waiting. */
  retry(): void {
    if (this.#state.kind === "waiting") void this.#open();
  }

  close(problem: Problem | null = null): void {
    this.#drop();
    clearTimeout(this.#timer);
    removeEventListener("online", this.#wake);
    removeEventListener("offline", this.#wake);
    document.removeEventListener("visibilitychange", this.#wake);
    this.#become({ kind: "closed", problem });
  }

  #wake = (): void => {
    if (document.visibilityState !== "visible") return;
    if (this.#socket !== null) this.#ping();
    // A try that began on a network that is gone may take long to fail: another one begins beside it.
    else if (!this.#isClosed()) void this.#open();
  };

  async #open(): Promise<void> {
    clearTimeout(this.#timer);
    const attempt = (this.#attempt += 1);
    const since = this.#downSince();
    this.#become({ kind: "opening", since, problem: "problem" in this.#state ? this.#state.problem : null });
    try {
      const socket = await this.#use.open();
      if (this.#isClosed() || attempt !== this.#attempt) socket.close();
      else this.#hold(socket);
    } catch (error) {
      if (attempt === this.#attempt) this.#failed(asProblem(error), since);
    }
  }

  #hold(socket: WebSocket): void {
    this.#socket = socket;
    const since = Date.now();
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => this.#heard(event.data, socket);
    socket.onclose = (event) => {
      if (this.#socket !== socket) return;
      if (Date.now() - since > GOOD_SECONDS * 1000) this.#failures = 0;
      this.#drop();
      if (event.code === REVOKED) this.close(new Problem("unauthenticated", "this device was revoked", "pair it again", 401));
      else this.#failed(unreachable(), Date.now());
    };
    this.#pinger = setInterval(() => this.#ping(), PING_SECONDS * 1000);
    this.#become({ kind: "open", since });
    this.#use.opened?.(socket);
  }

  #heard(data: string | ArrayBuffer, socket: WebSocket): void {
    clearTimeout(this.#pong); // whatever comes shows that the line lives
    this.#pong = undefined;
    if (typeof data !== "string") return this.#use.message(data, socket);
    const message = parseText(data);
    if (message === null) {
      // Whatever it was is missing in all that follows: the next line begins with a whole picture.
      this.#drop();
      return this.#failed(garbled(), Date.now());
    }
    if (message["type"] !== "pong") this.#use.message(message, socket);
  }

  #ping(): void {
    const socket = this.#socket;
    if (socket === null || this.#pong !== undefined) return;
    socket.send(JSON.stringify({ type: "ping", id: "alive" }));
    // A socket whose network is gone would keep `close` waiting as well: it is let go, and closes when it can.
    this.#pong = setTimeout(() => {
      this.#drop();
      this.#failed(unreachable(), Date.now() - PONG_SECONDS * 1000);
    }, PONG_SECONDS * 1000);
  }

  #drop(): void {
    clearInterval(this.#pinger);
    clearTimeout(this.#pong);
    this.#pong = undefined;
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #failed(problem: Problem, since: number): void {
    if (this.#isClosed()) return;
    if (FINAL.has(problem.code)) return this.close(problem);
    this.#failures += 1;
    const again = Date.now() + pause(this.#failures, Math.random()) * 1000;
    this.#timer = setTimeout(() => void this.#open(), again - Date.now());
    this.#become({ kind: "waiting", since, again, problem });
  }

  #downSince(): number {
    return this.#state.kind === "waiting" || this.#state.kind === "opening" ? this.#state.since : Date.now();
  }

  #isClosed(): boolean {
    return this.#state.kind === "closed";
  }

  #become(state: LineState): void {
    this.#state = state;
    this.#use.changed(state);
  }
}
