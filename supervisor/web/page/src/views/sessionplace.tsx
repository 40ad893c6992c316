/** One session: what it is, what can be done with it, and below it what happens in it. */

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Box } from "../api/box.ts";
import { asProblem, type Problem } from "../api/problem.ts";
import type { Session } from "../api/types.ts";
import type { Live } from "../live/live.ts";
import { condition, ending } from "../live/sessions.ts";
import { Link } from "../parts/router.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { SessionVerbs } from "./sessionverbs.tsx";

type View = ComponentType<{ box: Box; session: Session }>;

// A chunk of its own: the list of sessions is on the screen before a terminal has been loaded.
const loadView = async (): Promise<View> => (await import("../session/SessionView.tsx")).SessionView;

function wasLoadedAgain(): boolean {
  const [navigation] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  return navigation?.type === "reload";
}

export function SessionPlace({ live, id }: { live: Live; id: string }) {
  const [asked, setAsked] = useState<Session | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [View, setView] = useState<View | null>(null);
  const session = live.view.value.sessions.get(id) ?? (asked?.id === id ? asked : null);
  const told = live.view.value.box !== null; // the stream has said which sessions there are
  const [isMissing, setMissing] = useState(false);
  const isBack = live.state.value.kind === "open";
  useEffect(() => {
    const show = (view: View) => setView(() => view);
    const miss = (error: unknown) => {
      setProblem(asProblem(error));
      setMissing(true);
    };
    loadView().then(show, miss);
  }, []);
  // A part of the page did not come: the box was out of reach, or is of another version by now. It comes with the page,
  // which is loaded again as soon as the box answers, once; nothing that was typed is lost by that.
  useEffect(() => {
    if (isMissing && isBack && !wasLoadedAgain()) live.box.request("GET", "/healthz", undefined, { as: "none" }).then(() => location.reload(), () => undefined);
  }, [isMissing, isBack]);
  useEffect(() => {
    if (session !== null || !told) return;
    let left = false;
    setProblem(null);
    const ask = async () => {
      const found = await live.box.request<Session>("GET", `/v1/code/sessions/${encodeURIComponent(id)}`);
      if (!left) setAsked(found);
    };
    ask().catch((error: unknown) => left || setProblem(asProblem(error)));
    return () => void (left = true);
  }, [id, session === null, told]);

  if (session === null) {
    if (problem === null) return null;
    return <div class="form"><h1>No such session</h1><Trouble problem={problem} /><p><Link to="/">All sessions</Link></p></div>;
  }
  return (
    <article class="session" aria-labelledby="session">
      <header>
        <Link to="/" class="back" label="All sessions"><span aria-hidden="true">‹</span></Link>
        <div class="title">
          <h1 id="session">{session.name}</h1>
          <p class="state" data-condition={condition(session)} role="status"><span class="dot" aria-hidden="true" />{ending(session) ?? condition(session)}</p>
        </div>
        <SessionVerbs live={live} session={session} />
      </header>
      {problem !== null && <Trouble problem={problem} />}
      {View !== null && <View key={session.id} box={live.box} session={session} />}
    </article>
  );
}
