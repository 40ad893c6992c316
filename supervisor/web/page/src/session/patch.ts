/** A patch as git writes it, cut into its files and lines. */

export interface Line {
  kind: "context" | "added" | "removed" | "hunk" | "note";
  text: string; // without the mark in front
  before?: number; // its number in the old file
  after?: number; // and in the new one
}

export interface FilePatch {
  /** The paths that the header names; null where there is none, as of a file that is new. */
  before: string | null;
  after: string | null;
  body: string; // from its first hunk on; empty for a change of mode, a rename, a binary file
}

/** One section for each file, in git's order. */
export function splitPatch(patch: string): FilePatch[] {
  // Lines of content have a mark in front, so that none of them begins like this.
  return patch
    .split(/^(?=diff --git )/m)
    .filter((section) => section.startsWith("diff --git "))
    .map(parseSection);
}

function parseSection(section: string): FilePatch {
  const start = section.search(/^@@ /m);
  const header = start < 0 ? section : section.slice(0, start);
  const body = start < 0 ? "" : section.slice(start);
  const before = named(header, "--- ", "a/") ?? named(header, "rename from ", "") ?? named(header, "copy from ", "");
  const after = named(header, "+++ ", "b/") ?? named(header, "rename to ", "") ?? named(header, "copy to ", "");
  if (before ?? after) return { before, after, body };
  const same = /^diff --git ("?)a\/(.*)\1 \1b\/\2\1$/m.exec(header); // the same path twice, when nothing else names it
  const path = same ? unquoted(`${same[1]}${same[2]}${same[1]}`) : null;
  return { before: path, after: path, body };
}

function named(header: string, mark: string, prefix: string): string | null {
  const line = header.split("\n").find((each) => each.startsWith(mark));
  if (line === undefined) return null;
  const path = unquoted(line.slice(mark.length).replace(/\t$/, ""));
  if (path === "/dev/null") return null;
  return path.startsWith(prefix) ? path.slice(prefix.length) : path;
}

const ESCAPES: Record<string, string> = { n: "\n", t: "\t", r: "\r", a: "\x07", b: "\b", f: "\f", v: "\v" };

/** A path without git's quotes, in which octets may be octal. */
function unquoted(path: string): string {
  if (!path.startsWith('"') || !path.endsWith('"') || path.length < 2) return path;
  const octets: number[] = [];
  const utf8 = new TextEncoder();
  for (const [piece] of path.slice(1, -1).matchAll(/\\[0-7]{3}|\\.|[^\\]+/gs)) {
    if (!piece.startsWith("\\")) octets.push(...utf8.encode(piece));
    else if (piece.length === 4) octets.push(parseInt(piece.slice(1), 8));
    else octets.push(...utf8.encode(ESCAPES[piece[1]!] ?? piece[1]!));
  }
  return new TextDecoder().decode(new Uint8Array(octets));
}

/** The lines of a file's `body`, with their numbers. */
export function patchLines(body: string): Line[] {
  const lines: Line[] = [];
  let [before, after] = [0, 0];
  const rows = body.split("\n");
  if (rows.at(-1) === "") rows.pop();
  for (const row of rows) {
    const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@ ?(.*)$/.exec(row);
    if (hunk) {
      [before, after] = [Number(hunk[1]), Number(hunk[2])];
      lines.push({ kind: "hunk", text: hunk[3] ?? "" });
    } else if (row.startsWith("+")) lines.push({ kind: "added", text: row.slice(1), after: after++ });
    else if (row.startsWith("-")) lines.push({ kind: "removed", text: row.slice(1), before: before++ });
    else if (row.startsWith("\\")) lines.push({ kind: "note", text: row.slice(2) });
    else lines.push({ kind: "context", text: row.slice(1), before: before++, after: after++ });
  }
  return lines;
}

/** Two texts as one patch body, for an edit that a tool tells whole: what they share at both ends is context. */
export function patchOf(before: string, after: string, context = 3): string {
  const [old, now] = [rowsOf(before), rowsOf(after)];
  let start = 0;
  while (start < Math.min(old.length, now.length) && old[start] === now[start]) start += 1;
  let end = 0;
  while (end < Math.min(old.length, now.length) - start && old.at(-1 - end) === now.at(-1 - end)) end += 1;
  if (start === old.length && start === now.length) return "";
  const from = Math.max(0, start - context);
  const tail = Math.min(end, context);
  const rows = [
    `@@ -${from + 1} +${from + 1} @@`,
    ...old.slice(from, start).map((line) => ` ${line}`),
    ...old.slice(start, old.length - end).map((line) => `-${line}`),
    ...now.slice(start, now.length - end).map((line) => `+${line}`),
    ...now.slice(now.length - end, now.length - end + tail).map((line) => ` ${line}`),
  ];
  return `${rows.join("\n")}\n`;
}

function rowsOf(text: string): string[] {
  return text ? text.replace(/\n$/, "").split("\n") : [];
}
