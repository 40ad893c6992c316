/** A row of keys below a terminal: what phones have not, and what a keyboard alone has to reach. */

import { ROW, tap, type Held, type Modifiers, type RowKey } from "./keys.ts";

interface Props {
  modifiers: Modifiers;
  hold(modifiers: Modifiers): void;
  press(key: RowKey): void;
  copy(): void;
  line: boolean; // the field for a whole line is shown
  showLine(yes: boolean): void;
  readAloud: boolean;
  setReadAloud(yes: boolean): void;
  disabled: boolean;
}

export function KeyRow({ modifiers, hold, press, copy, line, showLine, readAloud, setReadAloud, disabled }: Props) {
  const { ctrl, alt } = modifiers;
  const [escape, tab, ...rest] = ROW;
  const key = (each: RowKey | undefined) =>
    each && <Key key={each.name} name={each.name} label={each.label} act={() => press(each)} disabled={disabled} />;
  return (
    <div class="keys" role="toolbar" aria-label="Keys">
      {key(escape)}
      {key(tab)}
      <Modifier name="Ctrl" label="Ctrl key" held={ctrl} disabled={disabled} act={() => hold({ alt, ctrl: tap(ctrl) })} />
      <Modifier name="Alt" label="Alt key" held={alt} disabled={disabled} act={() => hold({ ctrl, alt: tap(alt) })} />
      {rest.map(key)}
      <span class="gap" />
      <Key name="Copy" label="Copy the selection, or show the text to select from" act={copy} disabled={false} />
      <button type="button" class="key" aria-pressed={line} title="Write a whole line, and send it" onClick={() => showLine(!line)}>
        Line
      </button>
      <button
        type="button"
        class="key"
        aria-pressed={readAloud}
        title="Have a screen reader read what the terminal prints"
        onClick={() => setReadAloud(!readAloud)}
      >
        Read aloud
      </button>
    </div>
  );
}

interface KeyProps {
  name: string;
  label: string;
  act(): void;
  disabled: boolean;
}

function Key({ name, label, act, disabled }: KeyProps) {
  return (
    <button type="button" class="key" aria-label={label} disabled={disabled} onPointerDown={keepFocus} onClick={act}>
      {name}
    </button>
  );
}

function Modifier({ name, label, held, act, disabled }: KeyProps & { held: Held }) {
  const says = held === "locked" ? `${label}, locked` : label;
  return (
    <button
      type="button"
      class="key"
      aria-label={says}
      aria-pressed={held !== "off"}
      data-held={held}
      disabled={disabled}
      onPointerDown={keepFocus}
      onClick={act}
    >
      {name}
    </button>
  );
}

/** A tap must not take the focus from the terminal: the phone's keyboard would slide away. */
function keepFocus(event: PointerEvent): void {
  event.preventDefault();
}
