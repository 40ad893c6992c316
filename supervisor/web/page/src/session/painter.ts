/**
 * Puts output on a terminal in small pieces, in order with resets and sizes, and tells how far it is.
 *
 * The terminal parses what it is given without a pause, so it is given little at once: a frame of the page never
 * waits for more than a piece. What is not output is done only when all output before it was parsed.
 */

import { Queue } from "./queue.ts";

export interface Screen {
  /** `done` is called when `data` has been parsed. */
  write(data: Uint8Array, done: () => void): void;
  clear(): void;
  resize(rows: number, columns: number): void;
}

export const PIECE = 16 << 10; // octets; 1 to 4 ms of parsing on a slow machine
export const IN_FLIGHT = 4 * PIECE; // what the terminal has at once: enough for its own 12 ms slices
export const CREDIT_EVERY = 64 << 10; // octets drawn until the box is told; it lets us be 1 MiB behind

type Job = { data: Uint8Array; end: number } | (() => void);

export class Painter {
  drawn = 0; // the offset up to which output was parsed
  waiting = 0; // octets that came and were not parsed yet
  private readonly screen: Screen;
  private readonly credit: (offset: number) => void;
  private readonly jobs = new Queue<Job>();
  private inFlight = 0;
  private uncredited = 0; // octets drawn that the box was not told of

  constructor(screen: Screen, credit: (offset: number) => void) {
    this.screen = screen;
    this.credit = credit;
  }

  write(data: Uint8Array, end: number): void {
    const start = end - data.length;
    for (let at = 0; at < data.length; at += PIECE) {
      const piece = data.subarray(at, at + PIECE);
      this.jobs.add({ data: piece, end: start + at + piece.length });
    }
    this.waiting += data.length;
    this.go();
  }

  clear(): void {
    this.then(() => this.screen.clear());
  }

  resize(rows: number, columns: number): void {
    this.then(() => this.screen.resize(rows, columns));
  }

  /** Call `act` when everything up to here has been parsed; at once, where that is so now. */
  then(act: () => void): void {
    this.jobs.add(act);
    this.go();
  }

  private go(): void {
    for (let job = this.jobs.first; job !== undefined; job = this.jobs.first) {
      if (typeof job === "function") {
        if (this.inFlight > 0) return;
        this.jobs.take();
        job();
        continue;
      }
      if (this.inFlight >= IN_FLIGHT) return;
      this.jobs.take();
      const { data, end } = job;
      this.inFlight += data.length;
      this.screen.write(data, () => this.parsed(data.length, end));
    }
  }

  private parsed(octets: number, end: number): void {
    this.inFlight -= octets;
    this.waiting -= octets;
    this.drawn = end;
    this.uncredited += octets;
    if (this.uncredited >= CREDIT_EVERY) {
      this.uncredited = 0;
      this.credit(end);
    }
    this.go();
  }
}
