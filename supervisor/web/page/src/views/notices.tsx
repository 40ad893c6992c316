/** What the box says to everybody, one line each, until it is put away. */

import { useSignal } from "@preact/signals";
import type { Live } from "../live/live.ts";

export function Notices({ live }: { live: Live }) {
  const seen = useSignal<readonly string[]>([]);
  const notices = live.view.value.notices;
  const fresh = seen.value === notices ? [] : notices.filter((each) => !seen.value.includes(each));
  return (
    <div class="notices" role="status">
      {fresh.map((text) => <p key={text}>{text}</p>)}
      {fresh.length > 0 && <button type="button" class="quiet" onClick={() => (seen.value = notices)}>Close</button>}
    </div>
  );
}
