/** Which screen there is to see: the device's own place in the box decides. */

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Box } from "./api/box.ts";
import { asProblem, type Problem } from "./api/problem.ts";
import { canMakeKeys, keptDevice, keyOf } from "./device/key.ts";
import type { PairingLink } from "./device/link.ts";
import { Live } from "./live/live.ts";
import { path } from "./parts/router.tsx";
import { Trouble } from "./parts/trouble.tsx";
import { Shell } from "./views/shell.tsx";
import { Unpaired } from "./views/unpaired.tsx";

type Stage =
  | { kind: "starting" }
  | { kind: "unpaired" }
  | { kind: "paired"; live: Live }
  | { kind: "impossible"; problem: Problem };

const stage = signal<Stage>({ kind: "starting" });

/** Begin, or begin again with the key that this browser keeps now. */
export async function enter(): Promise<void> {
  if (stage.value.kind === "paired") stage.value.live.close();
  try {
    const device = canMakeKeys() ? await keptDevice() : undefined;
    if (device?.paired) stage.value = { kind: "paired", live: new Live(new Box(await keyOf(device.pair))) };
    else stage.value = { kind: "unpaired" };
  } catch (error) {
    stage.value = { kind: "impossible", problem: asProblem(error) };
  }
}

export function App({ link }: { link: PairingLink | null }) {
  useEffect(() => void enter(), []);
  const now = stage.value;
  if (now.kind === "starting") return null;
  if (now.kind === "impossible") return <main class="alone"><Trouble problem={now.problem} /></main>;
  if (now.kind === "unpaired" || path.value === "/pair") return <Unpaired link={link} />;
  return <Shell live={now.live} />;
}
