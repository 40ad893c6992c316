/** The box, live: what its stream told last, and how the line to it is. */

import { signal } from "@preact/signals";
import type { Box } from "../api/box.ts";
import { Line, type LineState } from "../api/line.ts";
import type { BoxMessage } from "../api/types.ts";
import { fold, NOTHING, type BoxView } from "./boxview.ts";

const FRESHEN_SECONDS = 90; // the box's nonces are good for two minutes at least

export class Live {
  readonly box: Box;
  readonly view = signal<BoxView>(NOTHING);
  readonly state = signal<LineState>({ kind: "opening", since: Date.now(), problem: null });
  #line: Line;
  #freshening: ReturnType<typeof setInterval>;

  constructor(box: Box) {
    this.box = box;
    this.#line = new Line({
      open: () => box.openStream(),
      message: (data) => this.take(data as BoxMessage),
      changed: (state) => (this.state.value = state),
    });
    this.#freshening = setInterval(() => this.#freshen(), FRESHEN_SECONDS * 1000);
  }

  /** Also for answers of requests, which come before the stream has told the same. */
  take(message: BoxMessage): void {
    this.view.value = fold(this.view.value, message);
  }

  retry(): void {
    this.#line.retry();
  }

  close(): void {
    clearInterval(this.#freshening);
    this.#line.close();
  }

  /** So that a reconnect takes one request and one upgrade, also after an hour of looking on. */
  #freshen(): void {
    if (document.visibilityState !== "visible" || this.state.value.kind !== "open") return;
    this.box.freshen().catch(() => undefined); // whether the box answers is the line's to say
  }
}

/** Now, to the half minute: enough for "3 min ago". */
export const minute = signal(Date.now());
setInterval(() => (minute.value = Date.now()), 30_000);
