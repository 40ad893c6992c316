/** All sessions, those that wait for an answer first. */

import { useSignal } from "@preact/signals";
import type { Session } from "../api/types.ts";
import { minute, type Live } from "../live/live.ts";
import { condition, ending, grouped, type Group } from "../live/sessions.ts";
import { ago } from "../live/times.ts";
import { Link } from "../parts/router.tsx";
import { sentence } from "../parts/trouble.tsx";

const TITLES: Record<Group, string> = { waiting: "Waiting for you", live: "Live", ended: "Ended", archived: "Archived" };

export function SessionList({ live }: { live: Live }) {
  const search = useSignal("");
  const { box, sessions } = live.view.value;
  const groups = grouped(sessions.values(), search.value);
  const found = [...groups.values()].some((each) => each.length > 0);
  return (
    <>
      {box?.notices?.map((text) => <p key={text} class="warning">{sentence(text)}</p>)}
      <label class="search">
        <span class="unseen">Filter the sessions</span>
        <input type="search" placeholder="Filter" value={search.value} onInput={(event) => (search.value = event.currentTarget.value)} />
      </label>
      {[...groups].map(([group, sessions]) => sessions.length > 0 && (
        <Section key={group} group={group} sessions={sessions} searched={search.value !== ""} />
      ))}
      {box !== null && !found && (
        <p class="none">{sessions.size > 0 ? "No session holds these words." : <>No sessions yet. <Link to="/new">Start one</Link></>}</p>
      )}
    </>
  );
}

interface SectionProps {
  group: Group;
  sessions: readonly Session[];
  searched: boolean;
}

function Section({ group, sessions, searched }: SectionProps) {
  const id = `group-${group}`;
  const title = <h2 id={id}>{TITLES[group]} <span class="count">{sessions.length}</span></h2>;
  const rows = <ul class="rows">{sessions.map((session) => <Row key={session.id} session={session} />)}</ul>;
  // What was put away stays out of the way until somebody looks for it.
  if (group === "archived") return <details class="away" open={searched}><summary>{title}</summary>{rows}</details>;
  return <section aria-labelledby={id}>{title}{rows}</section>;
}

function Row({ session }: { session: Session }) {
  const says = condition(session);
  const created = new Date(session.created_at);
  const end = ending(session);
  const news = session.doing ?? (end === "ended" ? null : end); // that it has ended is said already
  const place = session.branch ?? session.project;
  return (
    <li>
      <Link to={`/code/${session.id}`} class="row" data={says}>
        <span class="name">{session.name}</span>
        <span class="state"><span class="dot" aria-hidden="true" />{says}</span>
        {news !== null && <span class="doing">{news}</span>}
        <span class="facts">
          {[session.agent, place, session.created_by.person].filter(Boolean).join(" · ")} ·{" "}
          <time dateTime={session.created_at} title={created.toLocaleString()}>{ago(created.getTime(), minute.value)}</time>
        </span>
      </Link>
    </li>
  );
}
