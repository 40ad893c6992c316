/** Where a message is written. What is typed stays, whatever happens to the page, until it is sent. */

import type { Signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";

interface Props {
  label: string;
  draft: Signal<string>;
  running: boolean;
  mayType: boolean;
  /** False: there is no room for another one. */
  send(text: string): boolean;
  stop(): void;
  /** Text that goes back in here, to be changed; each object once. */
  given: { text: string } | null;
}

export function Composer({ label, draft, running, mayType, send, stop, given }: Props) {
  const text = draft.value;
  const [full, setFull] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (given === null) return;
    draft.value = draft.value ? `${draft.value}\n${given.text}` : given.text;
    field.current?.focus();
  }, [given]);
  useEffect(() => fit(field.current), [text]);

  const submit = () => {
    if (!text.trim() || !mayType) return;
    const sent = send(text);
    setFull(!sent);
    if (sent) draft.value = "";
  };
  const key = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.isComposing) return;
    // Without a real keyboard, Enter is the only way to a new line.
    const sends = event.ctrlKey || event.metaKey || (!event.shiftKey && !matchMedia("(pointer: coarse)").matches);
    if (!sends) return;
    event.preventDefault();
    submit();
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {full && <p role="alert">Too many messages wait to be sent. This one stays here.</p>}
      <textarea
        ref={field}
        rows={1}
        aria-label={label}
        placeholder={mayType ? label : "You may look, not type"}
        value={text}
        disabled={!mayType}
        onInput={(event) => (draft.value = event.currentTarget.value)}
        onKeyDown={key}
      />
      {running && mayType && (
        <button type="button" class="danger" onClick={stop}>
          Stop
        </button>
      )}
      {/* A tap leaves the focus, and with it a phone's keyboard, where it is. */}
      <button class="main" disabled={!mayType || !text.trim()} onPointerDown={(event) => event.preventDefault()}>
        {running ? "Queue" : "Send"}
      </button>
    </form>
  );
}

/** As high as its text; the style sheet has the most. */
function fit(field: HTMLTextAreaElement | null): void {
  if (field === null) return;
  field.style.blockSize = "auto";
  field.style.blockSize = `${field.scrollHeight + field.offsetHeight - field.clientHeight}px`;
}
