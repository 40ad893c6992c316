/** A terminal session: the terminal, who types in it, and the keys that a phone has not. */

import type { Signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";

import { styleNonce } from "../api/nonce.ts";
import { asProblem, type Problem } from "../api/problem.ts";
import { draft } from "../device/drafts.ts";
import { shelf } from "../device/shelf.ts";
import { Trouble } from "../parts/trouble.tsx";
import { Composer } from "./Composer.tsx";
import { KeyRow } from "./KeyRow.tsx";
import { LeaseBar } from "./LeaseBar.tsx";
import { TextSheet } from "./TextSheet.tsx";
import { Unshown } from "./Unshown.tsx";
import { Glass } from "./glass.ts";
import { NONE, type Modifiers } from "./keys.ts";
import type { Session } from "./messages.ts";
import type { Visit } from "./visit.ts";

const FONT_SIZE = 14;
const FONT_SIZE_NARROW = 12; // a phone upright then has about 50 columns
const READ_ALOUD = "rc.readaloud";

export function TerminalView({ visit, session }: { visit: Visit; session: Session }) {
  const place = useRef<HTMLDivElement>(null);
  const [glass, setGlass] = useState<Glass | null>(null);
  const [modifiers, setModifiers] = useState<Modifiers>(NONE);
  const [lost, setLost] = useState(false);
  const [missing, setMissing] = useState<Problem | null>(null);
  const [sheet, setSheet] = useState<string | null>(null);
  const [readAloud, setReadAloud] = useState(shelf.get(READ_ALOUD) !== null);
  const terminal = useTerminal(place, visit, session, readAloud, setGlass, {
    lost: () => setLost(true),
    modifiersChanged: setModifiers,
    missing: setMissing,
  });
  const [line, setLine] = useState(visit.unsaid.value.length > 0 || lineDraft(visit).value !== "");
  const isLive = visit.hello.value !== null;
  useEffect(() => {
    if (isLive) setLost(false);
  }, [isLive]);

  const copy = async () => {
    const selected = terminal.current?.getSelection();
    if (selected) await copyText(selected);
    else setSheet(glass?.text() ?? "");
  };
  const readOut = (yes: boolean) => {
    shelf.put(READ_ALOUD, yes ? "yes" : null);
    setReadAloud(yes);
  };
  return (
    <section class="terminal" aria-label="Terminal">
      <LeaseBar visit={visit} lost={lost && !isLive} />
      {missing !== null && <Missing problem={missing} />}
      <div class="screen" ref={place} data-muted={!isLive} />
      <p class="unseen" id="terminal-help">Control F6 leaves the terminal for the row of keys below it.</p>
      <KeyRow
        modifiers={modifiers}
        hold={(held) => glass?.hold(held)}
        press={(key) => {
          glass?.press(key.data(glass.isApplicationMode));
          terminal.current?.focus();
        }}
        copy={() => void copy()}
        line={line}
        showLine={setLine}
        readAloud={readAloud}
        setReadAloud={readOut}
        disabled={glass === null || !visit.mayType}
      />
      {line && <LineField visit={visit} />}
      {sheet !== null && <TextSheet text={sheet} close={() => setSheet(null)} />}
    </section>
  );
}

/** The part of the page that draws terminals did not come: the box was out of reach, or is of another version by now. */
function Missing({ problem }: { problem: Problem }) {
  return (
    <div class="missing">
      <Trouble problem={problem} />
      <button type="button" onClick={() => location.reload()}>Load the page again</button>
    </div>
  );
}

function lineDraft(visit: Visit): Signal<string> {
  return draft(`line to ${visit.id}`);
}

/** A whole line at once: with a phone's corrections and dictation, kept while the line is cut, and typed once. */
function LineField({ visit }: { visit: Visit }) {
  const [given, setGiven] = useState<{ text: string } | null>(null);
  return (
    <>
      <Unshown visit={visit} conversation={null} edit={(text) => setGiven({ text })} />
      <Composer
        label="Line"
        draft={lineDraft(visit)}
        running={false}
        mayType={visit.mayType}
        given={given}
        send={(text) => visit.say(text)}
        stop={() => undefined}
      />
    </>
  );
}

type Opened = import("./xterm.ts").Terminal;

/** The terminal in `place`, for as long as this is shown. */
function useTerminal(
  place: { current: HTMLDivElement | null },
  visit: Visit,
  session: Session,
  readAloud: boolean,
  setGlass: (glass: Glass | null) => void,
  use: { lost(): void; modifiersChanged(modifiers: Modifiers): void; missing(problem: Problem | null): void },
): { current: Opened | null } {
  const terminal = useRef<Opened | null>(null);
  useEffect(() => {
    let left = false;
    let glass: Glass | null = null;
    const dark = matchMedia("(prefers-color-scheme: dark)");
    let recolour = () => undefined as void;
    const open = async () => {
      const xterm = await import("./xterm.ts");
      use.missing(null);
      if (left || !place.current || !session.terminal) return;
      const font = getComputedStyle(place.current).getPropertyValue("--mono") || "monospace";
      const fontSize = matchMedia("(max-width: 600px)").matches ? FONT_SIZE_NARROW : FONT_SIZE;
      const opened = xterm.openTerminal(place.current, styleNonce(), { font, fontSize, dark: dark.matches, readAloud });
      terminal.current = opened;
      opened.textarea?.setAttribute("aria-describedby", "terminal-help");
      opened.attachCustomKeyEventHandler((event) => isForTerminal(event, opened, place.current!));
      glass = new Glass(opened, place.current, visit, session.terminal, use);
      recolour = () => void (opened.options.theme = xterm.theme(dark.matches));
      dark.addEventListener("change", recolour);
      setGlass(glass);
      visit.begin();
      // Whoever has gone on to something else by keyboard, while this was loading, stays there.
      const isFree = document.activeElement === document.body || document.activeElement?.id === "pane";
      if (isFree && !matchMedia("(pointer: coarse)").matches) opened.focus();
    };
    open().catch((error: unknown) => left || use.missing(asProblem(error)));
    return () => {
      left = true;
      dark.removeEventListener("change", recolour);
      setGlass(null);
      terminal.current = null;
      glass?.dispose();
      visit.pause();
    };
  }, [visit, readAloud]);
  return terminal;
}

/** Copy, paste, and the way out of the terminal are the browser's; everything else is typed. */
function isForTerminal(event: KeyboardEvent, terminal: Opened, place: HTMLElement): boolean {
  const { key, ctrlKey: ctrl, shiftKey: shift } = event;
  if (ctrl && key === "F6") {
    if (event.type === "keydown") place.parentElement?.querySelector<HTMLElement>(".keys button")?.focus();
    event.preventDefault();
    return false;
  }
  const copies = (ctrl && shift && key.toLowerCase() === "c") || (ctrl && key === "Insert");
  if (copies && event.type === "keydown" && terminal.hasSelection()) void copyText(terminal.getSelection());
  if (copies) event.preventDefault(); // Chromium would open its inspector
  const pastes = (ctrl && shift && key.toLowerCase() === "v") || (shift && key === "Insert");
  return !copies && !pastes;
}

async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Not allowed, or a plain http address: the older way. The terminal's own handler puts its selection there.
    document.execCommand("copy");
  }
}
