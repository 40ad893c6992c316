/** What a session has changed in its workspace: each file, and its diff when it is opened. */

import { useCallback, useEffect, useState } from "preact/hooks";

import type { Box } from "../api/box.ts";
import { asProblem, type Problem } from "../api/problem.ts";
import { Trouble } from "../parts/trouble.tsx";
import { splitPatch, type FilePatch } from "./patch.ts";
import { PatchView } from "./PatchView.tsx";

interface Change {
  path: string;
  status: string;
  added: number | null;
  removed: number | null;
  binary: boolean;
}

interface Diff {
  files: Change[];
  patch: string;
  truncated: boolean;
}

type Against = "base" | "head";

const OPEN_LINES = 150; // of a file that is shown at once
const OPEN_ALL = 600; // of all files that are shown at once
const LARGE = 2000; // lines of a file that are asked about before they are drawn

/** Git's letters. */
const STATUS: Record<string, string> = { A: "new", D: "deleted", M: "changed", T: "another type", U: "in conflict" };

interface Props {
  box: Box;
  session: string;
  /** Another number: files may have changed. */
  touched: number;
}

export function ChangesView({ box, session, touched }: Props) {
  const [against, setAgainst] = useState<Against>("base");
  const [diff, setDiff] = useState<Diff | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [loading, setLoading] = useState(false);
  const path = `/v1/code/sessions/${encodeURIComponent(session)}`;
  const load = useCallback(async () => {
    setLoading(true);
    try {
      setDiff(await box.request<Diff>("GET", `${path}/diff?against=${against}`));
      setProblem(null);
    } catch (error) {
      setProblem(asProblem(error));
    }
    setLoading(false);
  }, [session, against]);
  useEffect(() => void load(), [load, touched]);
  const folded = diff && fold(diff);
  return (
    <section class="changes" aria-label="Changes" aria-busy={loading}>
      <header>
        <fieldset>
          <legend class="unseen">Compared with</legend>
          <Choice name="Since the start" value="base" now={against} set={setAgainst} />
          <Choice name="Not committed" value="head" now={against} set={setAgainst} />
        </fieldset>
        <p class="hint" role="status">{loading ? "Looking…" : diff && sum(diff)}</p>
        <button type="button" class="quiet" onClick={() => void load()}>
          Look again
        </button>
      </header>
      <Trouble problem={problem} />
      {folded?.map((file) => <File key={`${against}:${file.change.path}`} {...file} box={box} path={path} />)}
      {diff?.truncated && <p class="hint">There is more than is shown here: rc diff has all of it.</p>}
    </section>
  );
}

function Choice({ name, value, now, set }: { name: string; value: Against; now: Against; set(value: Against): void }) {
  return (
    <label class="choice">
      <input type="radio" name="against" checked={now === value} onChange={() => set(value)} />
      {name}
    </label>
  );
}

function sum({ files }: Diff): string {
  if (!files.length) return "Nothing has changed.";
  const [added, removed] = [total(files, "added"), total(files, "removed")];
  return `${files.length} ${files.length === 1 ? "file" : "files"}, +${added} −${removed}`;
}

function total(files: Change[], which: "added" | "removed"): number {
  return files.reduce((all, file) => all + (file[which] ?? 0), 0);
}

interface Folded {
  change: Change;
  body: string | null; // null: the patch does not have it
  lines: number;
  open: boolean;
}

/** Each file with its part of the patch, and whether that is small enough to be shown at once. */
function fold(diff: Diff): Folded[] {
  const bodies = new Map<string, FilePatch>();
  for (const file of splitPatch(diff.patch)) bodies.set(file.after ?? file.before ?? "", file);
  let shown = 0;
  return diff.files.map((change) => {
    const body = bodies.get(change.path)?.body ?? null;
    const lines = body ? (body.match(/^[^@]/gm)?.length ?? 0) : 0; // without the heads of hunks
    const open = lines > 0 && lines <= OPEN_LINES && shown + lines <= OPEN_ALL;
    if (open) shown += lines;
    return { change, body, lines, open };
  });
}

function File({ change, body, lines, open, box, path }: Folded & { box: Box; path: string }) {
  const [shown, setShown] = useState(open);
  const [all, setAll] = useState(lines <= LARGE);
  const [problem, setProblem] = useState<Problem | null>(null);
  const download = async () => {
    try {
      const answer = await box.fetch("GET", `${path}/files?path=${encodeURIComponent(change.path)}`);
      save(await answer.blob(), change.path.split("/").at(-1) ?? "file");
      setProblem(null);
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  return (
    <details class="file" open={shown} onToggle={(event) => setShown(event.currentTarget.open)}>
      <summary>
        <span class="path">{change.path}</span>
        <span class="status">{STATUS[change.status] ?? change.status}</span>
        {change.binary ? <span class="count">binary</span> : <Counts change={change} />}
      </summary>
      {shown && (
        <>
          <Trouble problem={problem} />
          {body && all && <PatchView body={body} label={`Diff of ${change.path}`} />}
          {body && !all && (
            <button type="button" onClick={() => setAll(true)}>
              Show {lines} lines
            </button>
          )}
          {!body && <p class="hint">{why(change, body)}</p>}
          {change.status !== "D" && (
            <button type="button" class="quiet" onClick={() => void download()}>
              Download the file
            </button>
          )}
        </>
      )}
    </details>
  );
}

function why(change: Change, body: string | null): string {
  if (change.binary) return "A binary file: there are no lines to show.";
  return body === null ? "Not in the part of the diff that is here." : "No line has changed.";
}

function Counts({ change }: { change: Change }) {
  return (
    <span class="count">
      <span class="added"><span class="unseen">added </span>+{change.added ?? 0}</span>{" "}
      <span class="removed"><span class="unseen">removed </span>−{change.removed ?? 0}</span>
    </span>
  );
}

function save(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
