/** Start a session: where, with whom, and what to begin with. */

import { useSignal, type Signal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { random, toBase64url } from "../api/octets.ts";
import type { BoxFacts, Project, Session, SpawnMode } from "../api/types.ts";
import { draft } from "../device/drafts.ts";
import type { Live } from "../live/live.ts";
import { useDeed } from "../parts/deed.ts";
import { go } from "../parts/router.tsx";
import { Trouble } from "../parts/trouble.tsx";

const PROMPT = draft("new session");

type Field = Signal<string>;

export function NewSession({ live }: { live: Live }) {
  const box = live.view.value.box;
  const [project, agent, name, base] = [useSignal(""), useSignal(""), useSignal(""), useSignal("")];
  const mode = useSignal<SpawnMode | null>(null);
  const deed = useDeed();
  // One key for one form: when the answer was lost on the way, the same session comes back, not a second one.
  const key = useMemo(() => ({ value: toBase64url(random(16)) }), []);
  if (box === null) return null;

  const chosen = box.projects.find((each) => each.id === project.value) ?? box.projects[0];
  const spawnMode = mode.value ?? (box.spawn_mode === "worktree" && chosen?.git ? "worktree" : "same-dir");
  const begin = async () => {
    const wish = {
      ...(chosen && { project: chosen.id }),
      ...(agent.value && { agent: agent.value }),
      ...(name.value.trim() && { name: name.value.trim() }),
      ...(PROMPT.value.trim() && { prompt: PROMPT.value }),
      ...(box.spawn_mode !== "session" && { spawn_mode: spawnMode }),
      ...(spawnMode === "worktree" && base.value.trim() && { base: base.value.trim() }),
    };
    const headers = { "Idempotency-Key": key.value };
    const session = await live.box.request<Session>("POST", "/v1/code/sessions", wish, { headers });
    live.take({ type: "session", session });
    PROMPT.value = "";
    go(`/code/${session.id}`, "replace");
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    await deed.run(begin);
    // What the box refused it has not kept: the next try is another one. What got lost may have been carried out.
    if (deed.problem.value !== null && deed.problem.value.status !== 0) key.value = toBase64url(random(16));
  };

  return (
    <form class="form" onSubmit={submit}>
      <h1>New session</h1>
      <label>
        Prompt
        <textarea rows={4} value={PROMPT.value} placeholder="What should it do? It can also wait." onInput={(event) => (PROMPT.value = event.currentTarget.value)} />
      </label>
      <Whom box={box} chosen={chosen} project={project} agent={agent} />
      {box.spawn_mode !== "session" && <Place now={spawnMode} git={chosen?.git ?? false} choose={(to) => (mode.value = to)} />}
      <div class="pair">
        <Optional label="Name" field={name} maxLength={64} />
        {spawnMode === "worktree" && <Optional label="Base" field={base} placeholder={chosen?.branch ?? "main"} autocapitalize="none" spellcheck={false} />}
      </div>
      <Trouble problem={deed.problem.value} />
      <div class="actions">
        <button type="submit" class="main" disabled={deed.busy.value}>{deed.busy.value ? "Starting…" : "Start"}</button>
        <span class="hint">{box.used} of {box.capacity} slots used</span>
      </div>
    </form>
  );
}

function Whom({ box, chosen, project, agent }: { box: BoxFacts; chosen: Project | undefined; project: Field; agent: Field }) {
  return (
    <div class="pair">
      <label>
        Project
        <select value={chosen?.id ?? ""} onChange={(event) => (project.value = event.currentTarget.value)}>
          {box.projects.map((each) => <option key={each.id} value={each.id}>{each.id}</option>)}
        </select>
      </label>
      <label>
        Agent
        <select value={agent.value} onChange={(event) => (agent.value = event.currentTarget.value)}>
          <option value="">The box's usual one</option>
          {box.agents.map((each) => (
            <option key={each.name} value={each.name} disabled={!each.available}>
              {each.name}{each.available ? "" : ` (${each.why ?? "not available"})`}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

function Place({ now, git, choose }: { now: SpawnMode; git: boolean; choose: (to: SpawnMode) => void }) {
  return (
    <fieldset class="choice">
      <legend>Works in</legend>
      <Mode value="same-dir" now={now} choose={choose} title="The project's directory" hint="together with whatever else works there" />
      <Mode
        value="worktree" now={now} choose={choose} title="A worktree of its own" disabled={!git}
        hint={git ? "with a branch of its own" : "only in a git repository"}
      />
    </fieldset>
  );
}

interface OptionalProps {
  label: string;
  field: Field;
  maxLength?: number;
  placeholder?: string;
  autocapitalize?: "none";
  spellcheck?: boolean;
}

function Optional({ label, field, ...rest }: OptionalProps) {
  return (
    <label>
      {label} <span class="hint">optional</span>
      <input {...rest} value={field.value} autocomplete="off" onInput={(event) => (field.value = event.currentTarget.value)} />
    </label>
  );
}

interface ModeProps {
  value: SpawnMode;
  now: SpawnMode;
  title: string;
  hint: string;
  disabled?: boolean;
  choose: (to: SpawnMode) => void;
}

function Mode({ value, now, title, hint, disabled = false, choose }: ModeProps) {
  return (
    <label class="option">
      <input type="radio" name="mode" value={value} checked={now === value} disabled={disabled} onChange={() => choose(value)} />
      <span>{title} <span class="hint">{hint}</span></span>
    </label>
  );
}
