/**
 * One terminal on the page and the session it shows: output in, keys out, and whose size it has.
 *
 * The size of whoever holds the lease counts. Everybody else sees the session's rows and columns, made smaller
 * where they do not fit.
 */

import { isAnswer } from "./answers.ts";
import { fitting, scaled, type Area, type Size } from "./fitting.ts";
import { NONE, modified, release, type Modifiers } from "./keys.ts";
import { Painter } from "./painter.ts";
import type { Step } from "./reader.ts";
import type { Visit } from "./visit.ts";
import type { Terminal } from "./xterm.ts";

const SETTLE_MS = 80; // until a place that changes its size keeps it: one resize for a keyboard that slides in

export interface GlassUse {
  /** Keys were typed while there was no line, or nobody may type here. */
  lost(): void;
  modifiersChanged(modifiers: Modifiers): void;
}

export class Glass {
  modifiers: Modifiers = NONE;
  #terminal: Terminal;
  #visit: Visit;
  #use: GlassUse;
  #painter: Painter;
  #place: HTMLElement;
  #font: number;
  #muted = true; // until the first screen was drawn
  #size: Size; // the session's
  #asked: Size | null = null; // what the box was last asked for, on this line
  #fullCell: Area | null = null;
  #ends: (() => void)[] = [];
  #settling: ReturnType<typeof setTimeout> | undefined;

  constructor(terminal: Terminal, place: HTMLElement, visit: Visit, size: Size, use: GlassUse) {
    this.#terminal = terminal;
    this.#place = place;
    this.#visit = visit;
    this.#use = use;
    this.#size = size;
    this.#font = terminal.options.fontSize ?? 14;
    this.#painter = new Painter(
      {
        write: (data, done) => terminal.write(data, done),
        clear: () => terminal.reset(),
        resize: (rows, columns) => this.#resize({ rows, columns }),
      },
      (offset) => visit.credit(offset),
    );
    const data = terminal.onData((text) => this.#heard(text));
    const binary = terminal.onBinary((text) => this.#type(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
    const watch = new ResizeObserver(() => this.#settle());
    watch.observe(place);
    this.#ends.push(() => data.dispose(), () => binary.dispose(), () => watch.disconnect());
    this.#ends.push(visit.listen((step) => this.#take(step)), () => clearTimeout(this.#settling));
    this.#resize(size);
  }

  dispose(): void {
    for (const end of this.#ends) end();
    this.#terminal.dispose();
  }

  /** Type something as a keyboard would; `data` of a key row. */
  press(data: string): void {
    this.#heard(data);
  }

  hold(modifiers: Modifiers): void {
    this.modifiers = modifiers;
    this.#use.modifiersChanged(modifiers);
  }

  get isApplicationMode(): boolean {
    return this.#terminal.modes.applicationCursorKeysMode;
  }

  /** What the terminal shows and has scrolled away, as text. */
  text(): string {
    const buffer = this.#terminal.buffer.active;
    const lines: string[] = [];
    for (let row = 0; row < buffer.length; row += 1) {
      const line = buffer.getLine(row);
      const text = line?.translateToString(true) ?? "";
      if (line?.isWrapped && lines.length) lines[lines.length - 1] += text;
      else lines.push(text);
    }
    return lines.join("\n").trimEnd();
  }

  #take(step: Step): void {
    switch (step.do) {
      case "greet":
        this.#asked = null;
        this.#settle(); // what said that the line was cut is still in the way
        break;
      case "mute":
        this.#muted = true;
        break;
      case "unmute":
        this.#painter.then(() => (this.#muted = false));
        break;
      case "clear":
        this.#painter.clear();
        break;
      case "size":
        this.#painter.resize(step.rows, step.columns);
        break;
      case "write":
        this.#painter.write(step.data, step.end);
        break;
      case "lease":
        if (step.mine) this.#asked = null;
        this.#claimSize();
        this.#scale();
        break;
    }
  }

  #heard(text: string): void {
    if (isAnswer(text)) {
      if (!this.#muted) this.#visit.type(new TextEncoder().encode(text));
      return;
    }
    const typed = modified(text, this.modifiers);
    this.#type(new TextEncoder().encode(typed));
    const after = release(this.modifiers);
    if (after.ctrl !== this.modifiers.ctrl || after.alt !== this.modifiers.alt) this.hold(after);
  }

  #type(keys: Uint8Array): void {
    if (!this.#visit.mayType || !this.#visit.type(keys)) this.#use.lost();
  }

  // Sizes

  get #isOurs(): boolean {
    const { holder, mine } = this.#visit.lease.value;
    return mine || holder === null;
  }

  #settle(): void {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => {
      this.#claimSize();
      this.#scale();
    }, SETTLE_MS);
  }

  /** Ask the box for the size that fits here; what it says comes back as a `size`, in its place among the output. */
  #claimSize(): void {
    const cell = this.#cell();
    const wanted = cell && fitting(this.#area(), cell);
    if (!wanted || !this.#visit.isOpen || !this.#visit.mayType || !this.#isOurs) return;
    const known = this.#asked ?? this.#size;
    if (wanted.rows === known.rows && wanted.columns === known.columns) return;
    this.#asked = wanted;
    // Refused is as good as accepted: the size of whoever types there counts.
    void this.#visit.ask({ kind: "resize", ...wanted });
  }

  #resize(size: Size): void {
    this.#size = size;
    this.#terminal.resize(size.columns, size.rows);
    this.#scale();
  }

  /** Draw smaller what does not fit; whoever's size counts gets one that does. */
  #scale(): void {
    const cell = this.#cell();
    if (!cell) return;
    const area = this.#area();
    const font = scaled(this.#size, area, cell, this.#font);
    if (this.#terminal.options.fontSize !== font) this.#terminal.options.fontSize = font;
    // Scroll bars only where they are needed for good: one that comes and goes would change the size with it.
    const [width, height] = [this.#size.columns * cell.width, this.#size.rows * cell.height];
    const fits = width * font <= area.width * this.#font && height * font <= area.height * this.#font;
    this.#place.dataset.scrolls = String(!fits);
  }

  #area(): Area {
    const style = getComputedStyle(this.#place);
    const [across, down] = [
      parseFloat(style.paddingLeft) + parseFloat(style.paddingRight),
      parseFloat(style.paddingTop) + parseFloat(style.paddingBottom),
    ];
    return { width: this.#place.clientWidth - across - SCROLLBAR, height: this.#place.clientHeight - down };
  }

  /** What a character takes at the full font size; null while the terminal has not been on the screen. */
  #cell(): Area | null {
    const screen = this.#place.querySelector<HTMLElement>(".xterm-screen");
    // Smaller ones are rounded in other ways: from them it cannot be told.
    if (screen?.offsetWidth && this.#terminal.options.fontSize === this.#font) {
      const { cols, rows } = this.#terminal;
      this.#fullCell = { width: screen.offsetWidth / cols, height: screen.offsetHeight / rows };
    }
    return this.#fullCell;
  }
}

const SCROLLBAR = 14; // pixels that xterm.js keeps for it beside the screen
