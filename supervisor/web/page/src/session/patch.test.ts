import assert from "node:assert/strict";
import { test } from "node:test";

import { patchLines, patchOf, splitPatch } from "./patch.ts";

const PATCH = `diff --git a/a.txt b/a.txt
index 111..222 100644
--- a/a.txt
+++ b/a.txt
@@ -1,3 +1,3 @@ head
 one
-two
+2
 three
\\ No newline at end of file
diff --git a/new b/new
new file mode 100644
--- /dev/null
+++ b/new
@@ -0,0 +1 @@
+diff --git a/x b/x
diff --git a/old b/moved
similarity index 100%
rename from old
rename to moved
diff --git a/run.sh b/run.sh
old mode 100644
new mode 100755
diff --git "a/\\303\\244 \\"q\\".txt" "b/\\303\\244 \\"q\\".txt"
--- "a/\\303\\244 \\"q\\".txt"
+++ "b/\\303\\244 \\"q\\".txt"
@@ -5 +5 @@
-a
+b
diff --git a/i.png b/i.png
Binary files a/i.png and b/i.png differ
`;

test("a patch is a section for each file, whatever its lines hold", () => {
  const files = splitPatch(PATCH);
  assert.deepEqual(
    files.map((file) => [file.before, file.after, file.body !== ""]),
    [
      ["a.txt", "a.txt", true],
      [null, "new", true],
      ["old", "moved", false],
      ["run.sh", "run.sh", false],
      ['ä "q".txt', 'ä "q".txt', true],
      ["i.png", "i.png", false],
    ],
  );
  assert.deepEqual(splitPatch(""), []);
});

test("lines have the numbers of their files", () => {
  const [file] = splitPatch(PATCH);
  assert.deepEqual(patchLines(file!.body), [
    { kind: "hunk", text: "head" },
    { kind: "context", text: "one", before: 1, after: 1 },
    { kind: "removed", text: "two", before: 2 },
    { kind: "added", text: "2", after: 2 },
    { kind: "context", text: "three", before: 3, after: 3 },
    { kind: "note", text: "No newline at end of file" },
  ]);
});

test("two texts are one hunk of what differs", () => {
  assert.equal(patchOf("a\nb\nc\nd\ne\nf\ng", "a\nb\nc\nd\nE\nf\ng", 1), "@@ -4 +4 @@\n d\n-e\n+E\n f\n");
  assert.equal(patchOf("", "a\nb"), "@@ -1 +1 @@\n+a\n+b\n");
  assert.equal(patchOf("a", ""), "@@ -1 +1 @@\n-a\n");
  assert.equal(patchOf("a\na", "a\na\na"), "@@ -1 +1 @@\n a\n a\n+a\n");
  assert.equal(patchOf("a\nb\n", "a\nc\n"), "@@ -1 +1 @@\n a\n-b\n+c\n");
  assert.equal(patchOf("same", "same"), "");
});
