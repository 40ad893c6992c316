/** A terminal's text as text: on a phone nothing in a terminal can be selected. */

import { useEffect, useRef } from "preact/hooks";

export function TextSheet({ text, close }: { text: string; close(): void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const shown = dialog.current!;
    shown.showModal();
    const whole = shown.querySelector("pre")!;
    whole.scrollTop = whole.scrollHeight;
    return () => shown.close();
  }, []);
  return (
    <dialog class="sheet" ref={dialog} aria-label="Text of the terminal" onClose={close}>
      <header>
        <h2>Select and copy</h2>
        <button type="button" onClick={close}>
          Close
        </button>
      </header>
      <pre tabIndex={0}>{text}</pre>
    </dialog>
  );
}
