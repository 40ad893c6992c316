/** A structured session: what was said and done, as it comes, and a place to answer. */

import { useComputed } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import type { Box } from "../api/box.ts";
import { draft } from "../device/drafts.ts";
import { Composer } from "./Composer.tsx";
import { ItemView } from "./ItemView.tsx";
import { LeaseBar } from "./LeaseBar.tsx";
import { Unshown } from "./Unshown.tsx";
import { useConversation } from "./conversing.ts";
import type { Visit } from "./visit.ts";

const NEAR = 400; // pixels from the top, from where on older events are asked for
const AT_END = 40; // pixels from the end that count as the end

export function ConversationView({ visit, box, touched }: { visit: Visit; box: Box; touched(count: number): void }) {
  const talk = useConversation(visit, box);
  const { conversation } = talk;
  const [given, setGiven] = useState<{ text: string } | null>(null);
  const log = useRef<HTMLDivElement>(null);
  const atEnd = useScroll(log, conversation.version, conversation.firstSeq, talk.older);
  const mayType = useComputed(() => visit.mayType).value;
  void visit.unsaid.value; // what is said here makes the log longer, too
  useEffect(() => touched(conversation.touched), [conversation.touched]);
  return (
    <section class="conversation" aria-label="Conversation">
      <div class="log" ref={log} tabIndex={0} role="log" aria-label="What was said" aria-busy={conversation.running}>
        {talk.before !== "nothing" && (
          <p class="before hint">
            {talk.before === "gone" ? "What was before this is no longer kept." : "Loading what was before…"}
          </p>
        )}
        <ol>
          {conversation.items.map((item) => (
            <ItemView
              key={item.key}
              item={item}
              told={item.kind === "message" ? conversation.message(item.id) : undefined}
              whole={talk.whole}
            />
          ))}
        </ol>
        <Unshown visit={visit} conversation={conversation} edit={(text) => setGiven({ text })} />
        {conversation.running && (
          <p class="working hint" role="status">
            <span class="dot" aria-hidden="true" /> The agent is working
          </p>
        )}
      </div>
      {!atEnd && (
        <button type="button" class="to-end" onClick={() => log.current?.scrollTo({ top: log.current.scrollHeight })}>
          Newest ↓
        </button>
      )}
      <LeaseBar visit={visit} lost={false} />
      <Composer
        label="Message"
        draft={draft(`message to ${visit.id}`)}
        running={conversation.running}
        mayType={mayType}
        given={given}
        send={(text) => visit.say(text)}
        stop={() => void visit.wish({ kind: "interrupt", message_id: crypto.randomUUID() })}
      />
    </section>
  );
}

/** Stay at the end while more comes there, and in place while more comes in front. True: the end is in view. */
function useScroll(
  log: { current: HTMLDivElement | null },
  version: number,
  first: number | null,
  older: () => void,
): boolean {
  const [atEnd, setAtEnd] = useState(true);
  const before = useRef({ height: 0, first: null as number | null, atEnd: true });
  useLayoutEffect(() => {
    const shown = log.current!;
    const { height, first: was, atEnd: stays } = before.current;
    if (stays) shown.scrollTop = shown.scrollHeight;
    else if (was !== null && first !== null && first < was) shown.scrollTop += shown.scrollHeight - height;
    before.current = { height: shown.scrollHeight, first, atEnd: stays };
    if (shown.scrollTop < NEAR) older();
  });
  useEffect(() => {
    const shown = log.current!;
    const look = () => {
      const end = shown.scrollHeight - shown.scrollTop - shown.clientHeight < AT_END;
      before.current.atEnd = end;
      setAtEnd(end);
      if (shown.scrollTop < NEAR) older();
    };
    const grow = new ResizeObserver(() => {
      if (before.current.atEnd) shown.scrollTop = shown.scrollHeight;
    });
    shown.addEventListener("scroll", look, { passive: true });
    grow.observe(shown);
    return () => {
      shown.removeEventListener("scroll", look);
      grow.disconnect();
    };
  }, [version === 0, older]);
  return atEnd;
}
