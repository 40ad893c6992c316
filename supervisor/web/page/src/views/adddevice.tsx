/** An invitation for another device: it opens the link, shows a number, and the number is typed here. */

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { Pairing } from "../api/types.ts";
import { Inviting, type Invitation, type InvitationState } from "../live/inviting.ts";
import { minute, type Live } from "../live/live.ts";
import { clock } from "../live/times.ts";
import { useDeed } from "../parts/deed.ts";
import { Qr } from "../parts/qr.tsx";
import { sentence, Trouble } from "../parts/trouble.tsx";

interface Props {
  live: Live;
  added: () => void;
  close: () => void;
}

export function AddDevice({ live, added, close }: Props) {
  const inviting = useMemo(() => new Inviting(live), [live]);
  const making = useDeed();
  const make = () => void making.run(() => inviting.make());
  useEffect(() => {
    make();
    return () => inviting.leave();
  }, [inviting]);
  const { made: { value: made }, pairing, state } = inviting;
  useEffect(() => {
    if (state === "accepted" || state === "gone") added(); // of one that has gone nobody knows: it may be in
  }, [state]);
  const isOver = state !== null && state !== "waiting";
  return (
    <section class="card" aria-label="Add a device">
      <Trouble problem={making.problem.value} />
      {made !== null && !isOver && <Waiting inviting={inviting} made={made} pairing={pairing} />}
      {isOver && <p role="status">{ENDINGS[state]}</p>}
      <div class="actions">
        {((isOver && state !== "accepted") || making.problem.value !== null) && <button type="button" onClick={make}>Make another</button>}
        <button type="button" onClick={close}>{state === "accepted" ? "Done" : "Cancel"}</button>
      </div>
    </section>
  );
}

const ENDINGS: Record<Exclude<InvitationState, "waiting">, string> = {
  accepted: "It is in.",
  refused: "Refused: three wrong numbers, or somebody ended it.",
  expired: "Nobody typed the number in time.",
  gone: "This link and code are void: the box has started anew, or they were used up while it was out of reach.",
};

interface WaitingProps {
  inviting: Inviting;
  made: Invitation;
  pairing: Pairing | undefined;
}

function Waiting({ inviting, made, pairing }: WaitingProps) {
  const number = useSignal("");
  const deed = useDeed();
  const digits = number.value.replace(/\D/g, "");
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!(await deed.run(() => inviting.accept(digits)))) number.value = "";
  };
  return (
    <>
      <div class="steps">
        <div>
          <h2>1. Open this on the new device</h2>
          {made.offer !== null && <Offered {...made.offer} />}
          <p class="actions">
            {made.offer === null ? "Type this code there: " : <><Copy text={made.offer.link} /> or type this code there: </>}
            <code class="big">{made.code}</code>
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

/** A QR is read by another machine: there is none of an address that only this one has. */
function Offered({ link, for_others, advice }: NonNullable<Invitation["offer"]>) {
  if (for_others) return <Qr text={link} label="QR code of the pairing link" />;
  return <>{advice.map((line) => <p key={line}>{sentence(line)}</p>)}</>;
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
