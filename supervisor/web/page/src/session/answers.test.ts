import assert from "node:assert/strict";
import { test } from "node:test";

import { isAnswer } from "./answers.ts";

const ANSWERS = {
  "device attributes": "\x1b[?1;2c",
  "secondary attributes": "\x1b[>0;276;0c",
  "the cursor's place": "\x1b[5;10R",
  "a status": "\x1b[0n",
  "a mode": "\x1b[?2026;2$y",
  "the size of the window": "\x1b[8;24;80t",
  "a colour": "\x1b]11;rgb:0000/0000/0000\x1b\\",
  "a setting": "\x1bP1$r0m\x1b\\",
  "focus": "\x1b[I",
  "two at once": "\x1b[0n\x1b[1;1R",
};

for (const [name, data] of Object.entries(ANSWERS)) {
  test(`${name} is an answer`, () => assert.equal(isAnswer(data), true));
}

const KEYS = {
  "a letter": "a",
  "an arrow": "\x1b[A",
  "a function key": "\x1b[15~",
  "escape": "\x1b",
  "alt and a letter": "\x1bp",
  "a click": "\x1b[<0;3;4M",
  "a paste": "\x1b[200~hello\x1b[201~",
  "nothing": "",
  "an answer with a key behind it": "\x1b[0na",
};

for (const [name, data] of Object.entries(KEYS)) {
  test(`${name} is typed`, () => assert.equal(isAnswer(data), false));
}
