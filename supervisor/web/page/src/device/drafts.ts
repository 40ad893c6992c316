/** Text that was typed and not yet sent: it outlives a reload, a crash of the browser and an evening offline. */

import { effect, signal, type Signal } from "@preact/signals";
import { shelf } from "./shelf.ts";

const open = new Map<string, Signal<string>>();

/** The draft called `name`, such as "prompt of session_…"; "" until something was typed. Set it to "" when it was sent. */
export function draft(name: string): Signal<string> {
  const known = open.get(name);
  if (known) return known;
  const key = `rc.draft.${name}`;
  const text = signal(shelf.get(key) ?? "");
  open.set(name, text);
  // At each key, and not a moment later: a store that takes its time is not asked any more when a page is left.
  effect(() => shelf.put(key, text.value === "" ? null : text.value));
  return text;
}
