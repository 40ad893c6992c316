/** An invitation for another device: it opens the link, shows a number, and the number is typed here. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Pairing } from "../api/types.ts";
import { minute, type Live } from "../live/live.ts";
import { clock } from "../live/times.ts";
import { useDeed } from "../parts/deed.ts";
import { Qr } from "../parts/qr.tsx";
import { sentence, Trouble } from "../parts/trouble.tsx";

interface Invitation {
  id: string;
  code: string;
  url: string;
  expires_at: string;
}

interface Props {
  live: Live;
  added: () => void;
  close: () => void;
}

export function AddDevice({ live, added, close }: Props) {
  const invitation = useSignal<Invitation | null>(null);
  const making = useDeed();
  const make = () =>
    making.run(async () => {
      invitation.value = await live.box.request<Invitation>("POST", "/v1/pairings", {});
    });
  useEffect(() => void make(), []);
  const made = invitation.value;
  const pairing = made === null ? undefined : live.view.value.pairings.get(made.id);
  const state = pairing?.state ?? "waiting";
  useEffect(() => {
    if (state === "accepted") added();
  }, [state]);
  return (
    <section class="card" aria-label="Add a device">
      <Trouble problem={making.problem.value} />
      {made !== null && state === "waiting" && <Waiting live={live} made={made} pairing={pairing} accepted={() => (added(), close())} />}
      {made !== null && state !== "waiting" && <p role="status">{ENDINGS[state]}</p>}
      <div class="actions">
        {(state === "refused" || state === "expired" || making.problem.value !== null) && <button type="button" onClick={make}>Make another</button>}
        <button type="button" onClick={close}>{state === "accepted" ? "Done" : "Cancel"}</button>
      </div>
    </section>
  );
}

const ENDINGS: Record<Exclude<Pairing["state"], "waiting">, string> = {
  accepted: "It is in.",
  refused: "Refused: three wrong numbers, or somebody ended it.",
  expired: "Nobody typed the number in time.",
};

interface WaitingProps {
  live: Live;
  made: Invitation;
  pairing: Pairing | undefined;
  accepted: () => void;
}

function Waiting({ live, made, pairing, accepted }: WaitingProps) {
  const number = useSignal("");
  const deed = useDeed();
  const digits = number.value.replace(/\D/g, "");
  const submit = async (event: Event) => {
    event.preventDefault();
    const done = await deed.run(async () => void (await live.box.request("POST", `/v1/pairings/${made.id}/accept`, { number: digits })));
    if (done) accepted();
    else number.value = "";
  };
  return (
    <>
      <div class="steps">
        <div>
          <h2>1. Open this on the new device</h2>
          <Qr text={made.url} label="QR code of the pairing link" />
          <p class="actions">
            <Copy text={made.url} /> or type this code there: <code class="big">{made.code}</code>
          </p>
          <p class="hint">Good until {clock(new Date(made.expires_at).getTime(), minute.value)}, for one device.</p>
        </div>
        <div>
          <h2>2. Type the number that it shows</h2>
          <form class="codeform" onSubmit={submit}>
            <label for="number" class="unseen">The number that it shows</label>
            <input
              id="number" class="code" inputMode="numeric" autocomplete="off" maxLength={7} placeholder="000 000" value={number.value}
              onInput={(event) => (number.value = event.currentTarget.value)}
            />
            <button type="submit" class="main" disabled={digits.length !== 6 || deed.busy.value}>Let it in</button>
          </form>
          <Claimed pairing={pairing} />
          <Trouble problem={deed.problem.value} />
        </div>
      </div>
    </>
  );
}

function Claimed({ pairing }: { pairing: Pairing | undefined }) {
  if (!pairing?.claimed) return null;
  const { label, address } = pairing.claimed;
  const others = pairing.contenders.filter((each) => each !== address);
  return (
    <div role="status">
      <p>{label || "A device"} at {address} asks to come in.{pairing.tries_left < 3 && ` ${pairing.tries_left} tries left.`}</p>
      {others.length > 0 && <p class="warning">{sentence(`somebody else tried the same link, from ${others.join(", ")}; look twice at the number`)}</p>}
    </div>
  );
}

function Copy({ text }: { text: string }) {
  const how = useSignal<"not yet" | "copied" | "refused">("not yet");
  const copy = () => void navigator.clipboard.writeText(text).then(() => (how.value = "copied"), () => (how.value = "refused"));
  if (how.value === "refused") return <code>{text}</code>; // to be taken by hand
  return <button type="button" onClick={copy}>{how.value === "copied" ? "Copied" : "Copy the link"}</button>;
}
