/** Which screen there is to see: what the box knows of this device decides. */

import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { Box } from "./api/box.ts";
import { proofNonce } from "./api/nonce.ts";
import { asProblem, type Problem } from "./api/problem.ts";
import { canMakeKeys, keptDevice, keyOf } from "./device/key.ts";
import type { PairingLink } from "./device/link.ts";
import { Live } from "./live/live.ts";
import { path } from "./parts/router.tsx";
import { Trouble } from "./parts/trouble.tsx";
import { Pair } from "./views/pair.tsx";
import { Shell } from "./views/shell.tsx";

type Stage =
  | { kind: "starting" }
  | { kind: "unpaired" }
  | { kind: "paired"; live: Live }
  | { kind: "impossible"; problem: Problem };

const stage = signal<Stage>({ kind: "starting" });

/** Begin, or begin again with the key that this browser keeps now. */
async function enter(): Promise<void> {
  if (stage.value.kind === "paired") stage.value.live.close();
  try {
    const device = canMakeKeys() ? await keptDevice() : undefined;
    if (device) stage.value = { kind: "paired", live: new Live(new Box(await keyOf(device.pair), proofNonce())) };
    else stage.value = { kind: "unpaired" };
  } catch (error) {
    stage.value = { kind: "impossible", problem: asProblem(error) };
  }
}

export function App({ link }: { link: PairingLink | null }) {
  const [unused, setUnused] = useState(link);
  useEffect(() => void enter(), []);
  const pair = { link: unused, used: () => setUnused(null), paired: enter };
  const now = stage.value;
  switch (now.kind) {
    case "starting":
      return null;
    case "impossible":
      return <main class="alone"><Trouble problem={now.problem} /></main>;
    case "unpaired":
      return <Pair {...pair} why={null} already={false} />;
    case "paired": {
      const state = now.live.state.value;
      // The key stays: what the box refuses today it may have back tomorrow, from a backup.
      const refused = state.kind === "closed" && state.problem !== null ? state.problem : null;
      if (refused !== null || path.value === "/pair") return <Pair {...pair} why={refused} already={refused === null} />;
      return <Shell live={now.live} />;
    }
  }
}
