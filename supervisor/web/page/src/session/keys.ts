/** The keys that a phone's keyboard has not, and modifiers that stay pressed until the next key. */

export interface RowKey {
  name: string;
  label: string; // for who cannot see it
  /** What it types; in application mode (DECCKM) arrows have another form. */
  data: (application: boolean) => string;
}

export type Held = "off" | "once" | "locked"; // a second tap locks it

export interface Modifiers {
  ctrl: Held;
  alt: Held;
}

export const NONE: Modifiers = { ctrl: "off", alt: "off" };

function arrow(name: string, label: string, letter: string): RowKey {
  return { name, label, data: (application) => `\x1b${application ? "O" : "["}${letter}` };
}

function plain(name: string, label: string, data: string): RowKey {
  return { name, label, data: () => data };
}

export const ROW: readonly RowKey[] = [
  plain("Esc", "Esc key", "\x1b"),
  plain("Tab", "Tab", "\t"),
  plain("^C", "Control C", "\x03"),
  arrow("←", "Left", "D"),
  arrow("↑", "Up", "A"),
  arrow("↓", "Down", "B"),
  arrow("→", "Right", "C"),
];

/** After a tap on a modifier. */
export function tap(held: Held): Held {
  return held === "off" ? "once" : held === "once" ? "locked" : "off";
}

/** After a key was typed. */
export function release(modifiers: Modifiers): Modifiers {
  const after = (held: Held): Held => (held === "once" ? "off" : held);
  return { ctrl: after(modifiers.ctrl), alt: after(modifiers.alt) };
}

/** What a keyboard's `data` becomes while modifiers are held. Pastes and longer input are left as they are. */
export function modified(data: string, modifiers: Modifiers): string {
  const [ctrl, alt] = [modifiers.ctrl !== "off", modifiers.alt !== "off"];
  if (!ctrl && !alt) return data;
  const cursor = /^\x1b[[O]([A-DFH])$/.exec(data);
  if (cursor) return `\x1b[1;${1 + (alt ? 2 : 0) + (ctrl ? 4 : 0)}${cursor[1]}`;
  if ([...data].length !== 1) return data;
  const typed = ctrl ? control(data) : data;
  return alt ? `\x1b${typed}` : typed;
}

/** Control and a character, as ASCII and xterm have it; a character without such a form is itself. */
function control(character: string): string {
  const code = character.toUpperCase().charCodeAt(0);
  if (code >= 0x40 && code <= 0x5f) return String.fromCharCode(code & 0x1f);
  if (character === " " || character === "2") return "\0";
  if (character === "?" || character === "8") return "\x7f";
  if (character >= "3" && character <= "7") return String.fromCharCode(0x1b + character.charCodeAt(0) - 0x33);
  return character === "/" ? "\x1f" : character;
}
