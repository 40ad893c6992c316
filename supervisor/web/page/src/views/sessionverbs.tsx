/** What can be done with a session, and the questions that some of it asks first. */

import { useSignal } from "@preact/signals";
import type { Session } from "../api/types.ts";
import { isObject, type Problem } from "../api/problem.ts";
import type { Live } from "../live/live.ts";
import { type Verb, VERBS, verbsFor } from "../live/verbs.ts";
import { useDeed, type Deed } from "../parts/deed.ts";
import { Dialog } from "../parts/dialog.tsx";
import { Menu } from "../parts/menu.tsx";
import { go } from "../parts/router.tsx";
import { sentence, Trouble } from "../parts/trouble.tsx";

interface Props {
  live: Live;
  session: Session;
}

export function SessionVerbs({ live, session }: Props) {
  const asked = useSignal<"rename" | "delete" | null>(null);
  const deed = useDeed();
  const choose = (verb: Verb) => {
    if (verb === "rename" || verb === "delete") {
      deed.clear();
      asked.value = verb;
    } else {
      void deed.run(() => carryOut(live, session, verb));
    }
  };
  const close = () => {
    asked.value = null;
    deed.clear();
  };
  return (
    <>
      <Menu label={`More for ${session.name}`}>
        {verbsFor(session).map((verb) => (
          <button key={verb} type="button" class={verb === "delete" ? "danger" : undefined} disabled={deed.busy.value} onClick={() => choose(verb)}>
            {VERBS[verb]}
          </button>
        ))}
      </Menu>
      {deed.busy.value && asked.value === null && <span class="hint" role="status">One moment…</span>}
      {asked.value === null && deed.problem.value !== null && (
        <Dialog title="That did not work" close={deed.clear}>
          <Trouble problem={deed.problem.value} />
          <div class="actions"><button type="button" class="main" onClick={deed.clear}>Close</button></div>
        </Dialog>
      )}
      {asked.value === "rename" && <Rename live={live} session={session} deed={deed} close={close} />}
      {asked.value === "delete" && <Delete live={live} session={session} deed={deed} close={close} />}
    </>
  );
}

async function carryOut(live: Live, session: Session, verb: Verb): Promise<void> {
  const changed = await live.box.request<Session>("POST", `/v1/code/sessions/${session.id}/${verb}`, {});
  live.take({ type: "session", session: changed });
}

interface Asking extends Props {
  deed: Deed;
  close: () => void;
}

function Rename({ live, session, deed, close }: Asking) {
  const name = useSignal(session.name);
  const submit = async (event: Event) => {
    event.preventDefault();
    const done = await deed.run(async () => {
      const changed = await live.box.request<Session>("PATCH", `/v1/code/sessions/${session.id}`, { name: name.value.trim() });
      live.take({ type: "session", session: changed });
    });
    if (done) close();
  };
  return (
    <Dialog title="Rename" close={close}>
      <form class="form" onSubmit={submit}>
        <label>
          Name
          <input value={name.value} maxLength={64} autocomplete="off" onInput={(event) => (name.value = event.currentTarget.value)} />
        </label>
        <Trouble problem={deed.problem.value} />
        <div class="actions">
          <button type="submit" class="main" disabled={deed.busy.value}>Rename</button>
          <button type="button" onClick={close}>Cancel</button>
        </div>
      </form>
    </Dialog>
  );
}

function Delete({ live, session, deed, close }: Asking) {
  const remove = async () => {
    const done = await deed.run(async () => {
      await live.box.request("DELETE", `/v1/code/sessions/${session.id}`);
      live.take({ type: "session_gone", id: session.id });
    });
    if (!done) return;
    close();
    go("/", "replace");
  };
  const own = session.spawn_mode === "worktree";
  const refused = deed.problem.value;
  return (
    <Dialog title={`Delete ${session.name}?`} close={close}>
      {own ? (
        <p>Its worktree goes to the trash and its commits are archived, so that <code>rc restore</code> can bring both back. What could be lost is kept instead, and you are told.</p>
      ) : (
        <p>Its record and its log go. The project's directory stays as it is.</p>
      )}
      <Trouble problem={refused} />
      {refused !== null && <Reasons problem={refused} />}
      <div class="actions">
        <button type="button" class="danger" disabled={deed.busy.value} onClick={remove}>{deed.busy.value ? "Deleting…" : refused ? "Try again" : "Delete"}</button>
        <button type="button" onClick={close}>{refused ? "Keep it" : "Cancel"}</button>
      </div>
    </Dialog>
  );
}

/** Why the gate kept it, with the paths that it is about. */
function Reasons({ problem }: { problem: Problem }) {
  const reasons = Array.isArray(problem.fields["reasons"]) ? problem.fields["reasons"].filter(isObject) : [];
  if (reasons.length === 0) return null;
  return (
    <ul class="reasons">
      {reasons.map((reason, at) => {
        const paths = Array.isArray(reason["paths"]) ? reason["paths"].map(String) : [];
        return (
          <li key={at}>
            {sentence(String(reason["detail"] ?? reason["code"]))}
            {paths.length > 0 && <ul>{paths.map((path) => <li key={path}><code>{path}</code></li>)}</ul>}
          </li>
        );
      })}
    </ul>
  );
}
