/** The box: how it starts sessions, how many, where, with whom. */

import { useSignal } from "@preact/signals";
import type { BoxFacts, Project, SpawnMode } from "../api/types.ts";
import type { Live } from "../live/live.ts";
import { useDeed } from "../parts/deed.ts";
import { Trouble } from "../parts/trouble.tsx";

type Change = Partial<Pick<BoxFacts, "name" | "capacity" | "spawn_mode">>;

export function BoxPlace({ live }: { live: Live }) {
  const box = live.view.value.box;
  const deed = useDeed();
  if (box === null) return null;
  const change = (wish: Change) =>
    deed.run(async () => live.take({ type: "box", box: await live.box.request<BoxFacts>("PATCH", "/v1/box", wish) }));
  return (
    <div class="form">
      <h1>{box.name}</h1>
      <Slots used={box.used} capacity={box.capacity} />
      <Trouble problem={deed.problem.value} />
      <SpawnModes box={box} change={change} />
      <div class="pair">
        <Field label="Capacity" hint="sessions at once" value={String(box.capacity)} inputMode="numeric" save={(text) => change({ capacity: Number(text) })} />
        <Field label="Name" value={box.name} save={(name) => change({ name })} />
      </div>
      <Projects live={live} projects={box.projects} />
      <section>
        <h2>Agents</h2>
        <ul class="plain">
          {box.agents.map((agent) => (
            <li key={agent.name}>{agent.name} <span class="hint">{agent.available ? agent.adapter : (agent.why ?? "not available")}</span></li>
          ))}
        </ul>
      </section>
      <section>
        <h2>Ways in</h2>
        <ul class="plain">{box.urls.map((url) => <li key={url}><code>{url}</code></li>)}</ul>
        <p class="hint">rc {box.version}</p>
      </section>
    </div>
  );
}

function Slots({ used, capacity }: { used: number; capacity: number }) {
  return (
    <div class="slots">
      <p id="slots">{used} of {capacity} slots used</p>
      <meter aria-labelledby="slots" min={0} max={capacity} value={used} />
    </div>
  );
}

function SpawnModes({ box, change }: { box: BoxFacts; change: (wish: Change) => void }) {
  const option = (value: SpawnMode, title: string, hint: string) => (
    <label class="option">
      <input type="radio" name="spawn" checked={box.spawn_mode === value} disabled={box.spawn_mode === "session"} onChange={() => change({ spawn_mode: value })} />
      <span>{title} <span class="hint">{hint}</span></span>
    </label>
  );
  return (
    <fieldset class="choice">
      <legend>New sessions work in</legend>
      {option("same-dir", "The project's directory", "all together")}
      {option("worktree", "A worktree of their own", "each with its branch")}
      {box.spawn_mode === "session" && <p class="hint">This box was started for exactly one session.</p>}
    </fieldset>
  );
}

interface FieldProps {
  label: string;
  hint?: string;
  value: string;
  inputMode?: "numeric" | "text";
  save: (text: string) => unknown;
}

/** One setting; what others change meanwhile shows unless somebody types here. */
function Field({ label, hint, value, inputMode = "text", save }: FieldProps) {
  const typed = useSignal<string | null>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (typed.value !== null && typed.value !== value) await save(typed.value);
    typed.value = null;
  };
  return (
    <form onSubmit={submit}>
      <label>
        {label} {hint && <span class="hint">{hint}</span>}
        <span class="saving">
          <input value={typed.value ?? value} inputMode={inputMode} autocomplete="off" onInput={(event) => (typed.value = event.currentTarget.value)} />
          {typed.value !== null && typed.value !== value && <button type="submit">Save</button>}
        </span>
      </label>
    </form>
  );
}

function Projects({ live, projects }: { live: Live; projects: Project[] }) {
  const path = useSignal("");
  const deed = useDeed();
  const add = async (event: Event) => {
    event.preventDefault();
    const done = await deed.run(async () => void (await live.box.request("POST", "/v1/projects", { path: path.value.trim() })));
    if (done) path.value = "";
  };
  const remove = (project: Project) => deed.run(async () => void (await live.box.request("DELETE", `/v1/projects/${encodeURIComponent(project.id)}`)));
  return (
    <section class="form">
      <h2>Projects</h2>
      <ul class="rows">
        {projects.map((project) => (
          <li key={project.id} class="row">
            <span class="name">{project.id}</span>
            <button type="button" class="quiet danger" aria-label={`Remove ${project.id}`} disabled={deed.busy.value} onClick={() => remove(project)}>Remove</button>
            <span class="facts">{project.path}{project.git ? ` · git, ${project.branch ?? "no branch"}` : " · no git repository"}</span>
          </li>
        ))}
      </ul>
      <Trouble problem={deed.problem.value} />
      <form onSubmit={add}>
        <label>
          Serve another directory
          <span class="saving">
            <input value={path.value} placeholder="/home/me/project" autocomplete="off" autocapitalize="none" spellcheck={false} onInput={(event) => (path.value = event.currentTarget.value)} />
            <button type="submit" disabled={!path.value.trim().startsWith("/")}>Add</button>
          </span>
        </label>
        <p class="hint">To take one away leaves its files and its sessions as they are.</p>
      </form>
    </section>
  );
}
