/** A conversation while it is looked at: live events from the line, older ones page by page. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";

import type { Box } from "../api/box.ts";
import { Conversation } from "./conversation.ts";
import type { Cut } from "./items.ts";
import type { SessionEvent, Update } from "./messages.ts";
import type { Visit } from "./visit.ts";

const PAGE = 200; // events
const AGAIN_MS = 5000; // after a page that did not come

interface EventPage {
  events: SessionEvent[];
  gap?: { from: number; to: number };
}

export interface Talk {
  conversation: Conversation;
  /** What is in front of the first event: nothing, more that can be asked for, or what is no longer kept. */
  before: "nothing" | "more" | "gone";
  older(): void;
  whole(cut: Cut): Promise<void>;
}

export function useConversation(visit: Visit, box: Box): Talk {
  const conversation = useRef(new Conversation()).current;
  const [, draw] = useState(0);
  const gone = useRef(false);
  const asking = useRef(false);
  const changed = useFrame(() => {
    for (const { id, state } of visit.unsaid.value) {
      const told = conversation.message(id);
      if (state !== "refused" && (told?.isShown || told?.state === "completed")) visit.dropUnsaid(id);
    }
    draw(conversation.version);
  });

  useEffect(() => {
    const leave = visit.listen((step) => {
      if (step.do === "event") conversation.append(step.event);
      else if (step.do === "forget") conversation.forget();
      else if (step.do === "gap") gone.current = true;
      else if (step.do !== "greet") return;
      changed();
    });
    visit.begin();
    return () => {
      leave();
      visit.close();
    };
  }, [visit]);

  const path = `/v1/code/sessions/${encodeURIComponent(visit.id)}`;
  const older = useCallback(() => {
    const first = conversation.firstSeq;
    if (first === null || first <= 1 || gone.current || asking.current) return;
    asking.current = true;
    const ask = async () => {
      try {
        const page = await box.request<EventPage>("GET", `${path}/events?before=${first}&limit=${PAGE}`);
        if (page.events.length) conversation.prepend(page.events);
        else gone.current = true;
        asking.current = false;
        changed();
      } catch {
        setTimeout(() => (asking.current = false), AGAIN_MS); // the line says what is wrong; scrolling asks again
      }
    };
    void ask();
  }, [visit]);
  const whole = useCallback(async (cut: Cut) => {
    conversation.complete(cut.seq, await box.request<Update>("GET", `${path}/blobs/${cut.sha256}`));
    changed();
  }, [visit]);

  const first = conversation.firstSeq ?? 1;
  return { conversation, before: first <= 1 ? "nothing" : gone.current ? "gone" : "more", older, whole };
}

/** Call `draw` once in the next frame, however often it is asked for; in a hidden page, where no frame comes, soon. */
function useFrame(draw: () => void): () => void {
  const due = useRef(false);
  const latest = useRef(draw);
  latest.current = draw;
  return useCallback(() => {
    if (due.current) return;
    due.current = true;
    const run = () => {
      due.current = false;
      latest.current();
    };
    if (document.visibilityState === "visible") requestAnimationFrame(run);
    else setTimeout(run, 200);
  }, []);
}
