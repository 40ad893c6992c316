/** What happens in a session: its terminal or its conversation, and what it has changed. */

import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useState } from "preact/hooks";

import "./session.css";

import type { Box } from "../api/box.ts";
import { ChangesView } from "./ChangesView.tsx";
import { ConversationView } from "./ConversationView.tsx";
import { LineBar } from "./LineBar.tsx";
import type { Session } from "./messages.ts";
import { useSeenHeight } from "./seen.ts";
import { TerminalView } from "./TerminalView.tsx";
import { Visit } from "./visit.ts";

interface Props {
  box: Box;
  session: Session;
}

type Tab = "main" | "changes";

export function SessionView({ box, session }: Props) {
  const visit = useMemo(() => new Visit(box, session), [box, session.id]);
  const [tab, setTab] = useState<Tab>("main");
  const [changesSeen, setChangesSeen] = useState(false);
  const touched = useSignal(0);
  useEffect(() => () => visit.close(), [visit]);
  useSeenHeight();
  const choose = (next: Tab) => {
    setTab(next);
    if (next === "changes") setChangesSeen(true);
  };
  return (
    <div class="attended" data-line={visit.hello.value ? "live" : visit.line.value.kind}>
      <div class="views">
        <Tabs tab={tab} choose={choose} main={visit.isTerminal ? "Terminal" : "Conversation"} />
        <p class="hint">
          {session.agent}
          {session.branch && ` · ${session.branch}`}
        </p>
      </div>
      <LineBar visit={visit} />
      <div class="panel" role="tabpanel" id="panel-main" aria-labelledby="tab-main" hidden={tab !== "main"}>
        {visit.isTerminal ? (
          <TerminalView visit={visit} session={session} />
        ) : (
          <ConversationView visit={visit} box={box} touched={(count) => (touched.value = count)} />
        )}
      </div>
      <div class="panel" role="tabpanel" id="panel-changes" aria-labelledby="tab-changes" hidden={tab !== "changes"}>
        {changesSeen && <Changes box={box} session={session.id} shown={tab === "changes"} touched={touched.value} />}
      </div>
    </div>
  );
}

/** Looks again whenever it comes to the front, and while it is there, when something has changed. */
function Changes({ box, session, shown, touched }: { box: Box; session: string; shown: boolean; touched: number }) {
  const [looked, setLooked] = useState(0);
  useEffect(() => {
    if (shown) setLooked((count) => count + 1);
  }, [shown, touched]);
  return <ChangesView box={box} session={session} touched={looked} />;
}

function Tabs({ tab, choose, main }: { tab: Tab; choose(tab: Tab): void; main: string }) {
  const move = (event: KeyboardEvent) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const next = tab === "main" ? "changes" : "main";
    choose(next);
    document.getElementById(`tab-${next}`)?.focus();
  };
  const one = (name: Tab, title: string) => (
    <button
      type="button"
      role="tab"
      id={`tab-${name}`}
      aria-selected={tab === name}
      aria-controls={`panel-${name}`}
      tabIndex={tab === name ? 0 : -1}
      onClick={() => choose(name)}
    >
      {title}
    </button>
  );
  return (
    <div class="tabs" role="tablist" aria-label="Views of the session" onKeyDown={move}>
      {one("main", main)}
      {one("changes", "Changes")}
    </div>
  );
}
