/** Text that was typed and not yet sent: it outlives a reload, a crash of the browser and an evening offline. */

import { effect, signal, type Signal } from "@preact/signals";
import { drop, keep, kept } from "./keep.ts";

const PAUSE = 300; // milliseconds without a key before it is written

const open = new Map<string, Signal<string>>();

/** The draft called `name`, such as "prompt of session_…"; "" until something was typed. Set it to "" when it was sent. */
export function draft(name: string): Signal<string> {
  const known = open.get(name);
  if (known) return known;
  const text = signal("");
  open.set(name, text);
  void restore(name, text);
  return text;
}

async function restore(name: string, text: Signal<string>): Promise<void> {
  const key = `draft of ${name}`;
  const before = await kept<string>(key).catch(() => undefined);
  if (before && text.peek() === "") text.value = before; // whoever types faster than the disk is right
  let written = text.peek();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const write = () => {
    if (text.peek() === written) return;
    written = text.peek();
    // A browser that keeps nothing still has it in memory.
    void (written === "" ? drop(key) : keep(key, written)).catch(() => undefined);
  };
  effect(() => {
    clearTimeout(timer);
    if (text.value === "") write();
    else timer = setTimeout(write, PAUSE);
  });
  addEventListener("pagehide", write);
}
