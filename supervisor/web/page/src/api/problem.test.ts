import assert from "node:assert/strict";
import { test } from "node:test";
import { asProblem, Problem, problemOf } from "./problem.ts";

test("a problem object keeps its cause, its hint and its own fields", () => {
  const problem = problemOf(409, { code: "kept", detail: "it would lose work", hint: "commit it", status: 409, reasons: [{ code: "changed" }] });
  assert.deepEqual([problem.code, problem.detail, problem.hint, problem.status], ["kept", "it would lose work", "commit it", 409]);
  assert.deepEqual(problem.fields["reasons"], [{ code: "changed" }]);
});

test("an answer that is not the box's is told as one", () => {
  for (const body of [null, "<html>", [], {}]) assert.equal(problemOf(502, body).code, "unreadable");
});

test("a fault of the page becomes a problem, a problem stays one", () => {
  const problem = new Problem("kept", "a", "b");
  assert.equal(asProblem(problem), problem);
  assert.match(asProblem(new TypeError("x is undefined")).detail, /fault in this page: x is undefined/);
});
