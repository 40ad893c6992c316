/** What a browser sees that the box does not know. */

import { canMakeKeys } from "../device/key.ts";
import type { PairingLink } from "../device/link.ts";

export function Unpaired(_: { link: PairingLink | null }) {
  return (
    <main class="alone">
      <h1>This browser is not paired</h1>
      {canMakeKeys() ? (
        <p>
          On the box, run <code>rc pair</code> and open the link that it shows.
        </p>
      ) : (
        <p>Browsers keep keys only for pages that come over https or from this machine itself.</p>
      )}
    </main>
  );
}
