/** One session: what it is, and below it what happens in it. */

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Box } from "../api/box.ts";
import { asProblem, type Problem } from "../api/problem.ts";
import type { Session } from "../api/types.ts";
import type { Live } from "../live/live.ts";
import { condition, ending } from "../live/sessions.ts";
import { Trouble } from "../parts/trouble.tsx";

type View = ComponentType<{ box: Box; session: Session }>;

// A chunk of its own: a list of sessions is on the screen before a terminal has been loaded.
const views = import.meta.glob<View>("../session/SessionView.tsx", { import: "SessionView" });

export function SessionPlace({ live, id }: { live: Live; id: string }) {
  const [asked, setAsked] = useState<Session | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [View, setView] = useState<View | null>(null);
  const session = live.view.value.sessions.get(id) ?? asked;
  useEffect(() => {
    let left = false;
    setAsked(null);
    setProblem(null);
    const ask = async () => {
      try {
        const found = live.view.value.sessions.has(id) ? null : await live.box.request<Session>("GET", `/v1/code/sessions/${encodeURIComponent(id)}`);
        const view = await Object.values(views)[0]?.();
        if (left) return;
        setAsked(found);
        setView(() => view ?? Facts);
      } catch (error) {
        if (!left) setProblem(asProblem(error));
      }
    };
    void ask();
    return () => void (left = true);
  }, [id]);
  if (problem !== null) return <Trouble problem={problem} />;
  if (session === null || View === null) return null;
  return (
    <article class="session">
      <h1>{session.name}</h1>
      <View key={session.id} box={live.box} session={session} />
    </article>
  );
}

function Facts({ session }: { session: Session }) {
  const rows: [string, string | null][] = [
    ["State", condition(session)],
    ["Ended", ending(session)],
    ["Agent", session.agent],
    ["Branch", session.branch],
    ["Workspace", session.workspace],
  ];
  return (
    <dl class="facts">
      {rows.map(([name, value]) => value !== null && [<dt>{name}</dt>, <dd>{value}</dd>])}
    </dl>
  );
}
