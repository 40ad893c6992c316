/** Messages that the session does not show yet: on their way, waiting for their turn, or not taken. */

import type { Conversation, Told } from "./conversation.ts";
import type { Unsaid } from "./outbox.ts";
import { sentence } from "../parts/trouble.tsx";
import type { Visit } from "./visit.ts";

interface Props {
  visit: Visit;
  conversation: Conversation | null; // a terminal has none: it shows what was typed
  edit(text: string): void;
}

export function Unshown({ visit, conversation, edit }: Props) {
  const ours = visit.unsaid.value;
  const waiting = conversation?.unshown.filter((told) => told.state === "queued") ?? [];
  const theirs = waiting.filter((told) => !ours.some(({ id }) => id === told.id));
  if (!ours.length && !theirs.length) return null;
  const cancel = (id: string) => void visit.wish({ kind: "cancel_message", message_id: id });
  return (
    <ul class="unshown" aria-label="Messages that wait">
      {theirs.map((told) => (
        <li key={told.id} class="item message">
          <p class="state">{told.by?.person ?? "Somebody"} has a message waiting</p>
        </li>
      ))}
      {ours.map((item) => (
        <Waiting
          key={item.id}
          item={item}
          told={conversation?.message(item.id)}
          isLive={visit.hello.value !== null}
          cancel={() => cancel(item.id)}
          drop={() => visit.dropUnsaid(item.id)}
          edit={() => {
            visit.dropUnsaid(item.id);
            edit(item.text);
          }}
        />
      ))}
    </ul>
  );
}

interface WaitingProps {
  item: Unsaid;
  told: Told | undefined;
  isLive: boolean;
  cancel(): void;
  drop(): void;
  edit(): void;
}

function Waiting({ item, told, isLive, cancel, drop, edit }: WaitingProps) {
  const isOver = item.state === "refused" || told?.state === "cancelled";
  return (
    <li class="item message" data-state={item.state}>
      <p class="words">{item.text}</p>
      <p class="state" role="status">
        <span>{says(item, told, isLive)}</span>
        {isOver && <button type="button" class="quiet" onClick={edit}>Edit</button>}
        {isOver && <button type="button" class="quiet" onClick={drop}>Discard</button>}
        {item.state === "accepted" && !isOver && isLive && (
          <button type="button" class="quiet" onClick={cancel}>Cancel</button>
        )}
      </p>
    </li>
  );
}

function says(item: Unsaid, told: Told | undefined, isLive: boolean): string {
  if (item.state === "refused") return `Not taken: ${sentence(item.error?.detail ?? "")} ${sentence(item.error?.hint ?? "")}`;
  if (told?.state === "cancelled") return "Cancelled";
  if (item.state === "accepted") return "Waits for its turn";
  return isLive ? "Sending…" : "Will be sent when the box is reached";
}
