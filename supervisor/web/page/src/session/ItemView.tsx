/** One item of a conversation. */

import type { ComponentChild } from "preact";
import { useMemo, useState } from "preact/hooks";

import { asProblem } from "../api/problem.ts";
import { clock } from "../live/times.ts";
import { sentence } from "../parts/trouble.tsx";
import type { Told } from "./conversation.ts";
import type { Approval, Cut, Item, Message, Output, Plan, Thought, Tool } from "./items.ts";
import { Markdown } from "./Markdown.tsx";
import { patchOf } from "./patch.ts";
import { PatchView } from "./PatchView.tsx";

interface Props {
  item: Item;
  told: Told | undefined; // of a person's message
  whole(cut: Cut): Promise<void>;
}

export function ItemView({ item, told, whole }: Props) {
  // The same object again is not looked at by Preact: only what has changed is drawn.
  return useMemo(() => <li class={`item ${item.kind}`}>{body(item, told, whole)}</li>, [item, told]);
}

function body(item: Item, told: Told | undefined, whole: Props["whole"]): ComponentChild {
  switch (item.kind) {
    case "message":
      return [item.from === "agent" ? <Said item={item} /> : <Mine item={item} told={told} />, more(item, whole)];
    case "thought":
      return [<Thinks item={item} />, more(item, whole)];
    case "tool":
      return [<Did item={item} />, more(item, whole)];
    case "plan":
      return <Plans item={item} />;
    case "approval":
      return <Asks item={item} />;
    case "note":
      return <p class={`note ${item.level}`}>{item.text}</p>;
  }
}

function more(item: Item, whole: Props["whole"]): ComponentChild {
  return item.cut && <Whole key={item.cut.sha256} cut={item.cut} whole={whole} />;
}

function Said({ item }: { item: Message }) {
  return (
    <article aria-label="The agent">
      <Markdown text={item.text} />
    </article>
  );
}

const STATES = { queued: "waits for its turn", started: "being answered", completed: "done", cancelled: "cancelled" };

function Mine({ item, told }: { item: Message; told: Told | undefined }) {
  const who = item.by?.person ?? "somebody";
  return (
    <article aria-label={`${who} said`}>
      <p class="words">{item.text}</p>
      <p class="state" data-state={told?.state}>
        <span>
          {who}, <time dateTime={item.at}>{clock(Date.parse(item.at), Date.now())}</time>
          {told && `, ${STATES[told.state]}`}
        </span>
      </p>
    </article>
  );
}

function Thinks({ item }: { item: Thought }) {
  return (
    <details>
      <summary>Thoughts</summary>
      <Markdown text={item.text} />
    </details>
  );
}

const STATUS: Record<string, string> = { pending: "waits", in_progress: "runs", completed: "done", failed: "failed" };

function Did({ item }: { item: Tool }) {
  const [open, setOpen] = useState(false);
  const name = item.title || item.tool || "Tool";
  const paths = item.output.some((part) => part.kind === "diff") ? [] : item.paths; // a diff names its own
  const input = item.input === name ? "" : item.input;
  return (
    <details data-status={item.status} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <span class="dot" aria-hidden="true" />
        <span class="title">{name}</span>
        <span class="status">{STATUS[item.status] ?? item.status}</span>
      </summary>
      {open && (
        <div class="details">
          {paths.length > 0 && <p class="paths">{paths.join(", ")}</p>}
          {input && <pre tabIndex={0} aria-label="Input">{input}</pre>}
          {item.output.map((part, index) => <Part key={index} part={part} />)}
          {!input && !item.output.length && <p class="hint">Nothing came back{item.status === "completed" ? "" : " yet"}.</p>}
        </div>
      )}
    </details>
  );
}

function Part({ part }: { part: Output }) {
  if (part.kind === "other") return <p class="hint">{part.name}</p>;
  if (part.kind === "text") return <pre tabIndex={0} aria-label="Output">{part.text}</pre>;
  return (
    <figure>
      <figcaption class="paths">{part.path}</figcaption>
      <PatchView body={patchOf(part.before, part.after)} label={`Change of ${part.path}`} />
    </figure>
  );
}

const STEPS: Record<string, string> = { pending: "to do", in_progress: "under way", completed: "done" };
const SIGNS: Record<string, string> = { pending: "○", in_progress: "◐", completed: "●" };

function Plans({ item }: { item: Plan }) {
  const done = item.entries.filter((entry) => entry.status === "completed").length;
  return (
    <section aria-label="Plan">
      <h3>
        Plan <span class="hint">{done} of {item.entries.length} done</span>
      </h3>
      <ol>
        {item.entries.map((entry, index) => (
          <li key={index} data-status={entry.status}>
            <span role="img" aria-label={STEPS[entry.status] ?? entry.status}>{SIGNS[entry.status] ?? "○"}</span>
            <span>{entry.text}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Asks({ item }: { item: Approval }) {
  const isOpen = item.state === "open" || item.state === "changed";
  return (
    <section aria-label="Approval" data-state={item.state}>
      <p>
        <strong>{item.title || "The agent asks"}</strong>{" "}
        {isOpen ? "waits for an answer." : `was ${item.state}${item.by?.person ? ` by ${item.by.person}` : ""}.`}
      </p>
    </section>
  );
}

/** The rest of something that was too large for the stream. */
function Whole({ cut, whole }: { cut: Cut; whole: Props["whole"] }) {
  const [says, setSays] = useState("");
  const fetch = async () => {
    setSays("Loading…");
    try {
      await whole(cut);
    } catch (error) {
      setSays(sentence(asProblem(error).detail));
    }
  };
  return (
    <p class="whole">
      <button type="button" class="quiet" onClick={() => void fetch()}>
        Show all {(cut.bytes / 1024).toFixed(0)} KiB
      </button>
      {says}
    </p>
  );
}
