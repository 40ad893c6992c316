/** All sessions, those that wait for an answer first. */

import { useSignal } from "@preact/signals";
import type { Session } from "../api/types.ts";
import { minute, type Live } from "../live/live.ts";
import { condition, ending, grouped, type Group } from "../live/sessions.ts";
import { ago } from "../live/times.ts";
import { Link } from "../parts/router.tsx";

const TITLES: Record<Group, string> = { waiting: "Waiting for you", live: "Live", ended: "Ended", archived: "Archived" };

export function SessionList({ live }: { live: Live }) {
  const search = useSignal("");
  const { box, sessions } = live.view.value;
  const groups = grouped(sessions.values(), search.value);
  const found = [...groups.values()].some((each) => each.length > 0);
  return (
    <>
      <label class="search">
        <span class="unseen">Filter the sessions</span>
        <input type="search" placeholder="Filter" value={search.value} onInput={(event) => (search.value = event.currentTarget.value)} />
      </label>
      {[...groups].map(([group, sessions]) => sessions.length > 0 && (
        <section key={group} aria-labelledby={`group-${group}`}>
          <h2 id={`group-${group}`}>{TITLES[group]} <span class="count">{sessions.length}</span></h2>
          <ul class="rows">{sessions.map((session) => <Row key={session.id} session={session} />)}</ul>
        </section>
      ))}
      {box !== null && !found && (
        <p class="none">{sessions.size > 0 ? "No session holds these words." : <>No sessions yet. <Link to="/new">Start one</Link></>}</p>
      )}
    </>
  );
}

function Row({ session }: { session: Session }) {
  const says = condition(session);
  const created = new Date(session.created_at);
  const news = session.doing ?? ending(session);
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
