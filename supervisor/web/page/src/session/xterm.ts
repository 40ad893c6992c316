/** The terminal itself, in a chunk of its own: nobody waits for it who came to look at something else. */

import "@xterm/xterm/css/xterm.css";

import { WebLinksAddon } from "@xterm/addon-web-links";
import { Terminal, type ITerminalOptions, type ITheme } from "@xterm/xterm";

import { safeLink } from "./markdown.ts";
import { styleByObjectModel, withNonce } from "./policy.ts";

export type { Terminal };

const SCROLLBACK = 5000; // lines; what is older is at the box

const LIGHT: ITheme = {
  ...{ background: "#fbfcfa", foreground: "#1b1f1d", cursor: "#0a6657", cursorAccent: "#fbfcfa" },
  ...{ selectionBackground: "#bfe0d6", selectionInactiveBackground: "#dfe6e0" },
  ...{ black: "#1b1f1d", red: "#a8201a", green: "#1c6b2c", yellow: "#7a5200", blue: "#1f57a8", magenta: "#8a2f86" },
  ...{ cyan: "#0a6474", white: "#5c645f", brightBlack: "#626a65", brightRed: "#c43a2f", brightGreen: "#2a7f3b" },
  ...{ brightYellow: "#8f6400", brightBlue: "#2e6fd0", brightMagenta: "#a342a0", brightCyan: "#117a8b" },
  brightWhite: "#1b1f1d",
};

const DARK: ITheme = {
  ...{ background: "#0e1113", foreground: "#e0e4de", cursor: "#5fd0b5", cursorAccent: "#0e1113" },
  ...{ selectionBackground: "#2c5a4f", selectionInactiveBackground: "#26302d" },
  ...{ black: "#2e343a", red: "#ff8a80", green: "#8fd48b", yellow: "#f0c674", blue: "#86b6f7", magenta: "#d9a0e6" },
  ...{ cyan: "#7fd3e0", white: "#d5dad3", brightBlack: "#858d88", brightRed: "#ffa79f", brightGreen: "#aee6a9" },
  ...{ brightYellow: "#ffdc97", brightBlue: "#aacdff", brightMagenta: "#ebbff5", brightCyan: "#a5e7f1" },
  brightWhite: "#ffffff",
};

export interface Look {
  font: string;
  fontSize: number;
  dark: boolean;
  readAloud: boolean;
}

export function theme(dark: boolean): ITheme {
  return dark ? DARK : LIGHT;
}

/** A terminal in `place`. `nonce` is that of the page's policy, without which its styles are not let in. */
export function openTerminal(place: HTMLElement, nonce: string, look: Look): Terminal {
  const options: ITerminalOptions = {
    fontFamily: look.font,
    fontSize: look.fontSize,
    theme: theme(look.dark),
    minimumContrastRatio: 4.5, // programs choose colours for a ground that they do not know
    screenReaderMode: look.readAloud,
    scrollback: SCROLLBACK,
    cursorBlink: false, // it would draw twice a second for ever
    macOptionIsMeta: true,
    // What such a link shows need not be where it leads.
    linkHandler: { activate: (_, address) => confirm(`Open ${address}?`) && follow(address) },
  };
  const terminal = new Terminal(options);
  terminal.loadAddon(new WebLinksAddon((_, address) => follow(address)));
  styleByObjectModel(HTMLSpanElement);
  withNonce(nonce, () => terminal.open(place));
  return terminal;
}

/** Only where a browser goes anyway, in another tab, which learns nothing of this one. */
function follow(address: string): void {
  const safe = safeLink(address);
  if (safe !== null) open(safe, "_blank", "noopener,noreferrer");
}
