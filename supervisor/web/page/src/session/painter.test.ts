import assert from "node:assert/strict";
import { test } from "node:test";

import { CREDIT_EVERY, IN_FLIGHT, PIECE, Painter, type Screen } from "./painter.ts";

/** A terminal that parses when it is told to. */
class SlowScreen implements Screen {
  log: string[] = [];
  pending: (() => void)[] = [];
  octets = 0;

  write(data: Uint8Array, done: () => void): void {
    this.octets += data.length;
    this.pending.push(() => {
      this.log.push(data.length > 9 ? `${data.length}` : new TextDecoder().decode(data));
      done();
    });
  }
  clear(): void {
    this.log.push("clear");
  }
  resize(rows: number, columns: number): void {
    this.log.push(`${rows}x${columns}`);
  }
  parseAll(): void {
    while (this.pending.length) this.pending.shift()?.();
  }
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

test("a size takes effect behind the output before it, and before the output behind it", () => {
  const screen = new SlowScreen();
  const painter = new Painter(screen, () => undefined);
  painter.clear();
  painter.write(text("ab"), 2);
  painter.resize(5, 9);
  painter.write(text("cd"), 4);
  assert.deepEqual(screen.log, ["clear"]);
  screen.parseAll();
  assert.deepEqual(screen.log, ["clear", "ab", "5x9", "cd"]);
  assert.equal(painter.drawn, 4);
});

test("the terminal never has more than a little at once", () => {
  const screen = new SlowScreen();
  const painter = new Painter(screen, () => undefined);
  painter.write(new Uint8Array(10 * IN_FLIGHT), 10 * IN_FLIGHT);
  assert.equal(screen.octets, IN_FLIGHT);
  assert.equal(painter.waiting, 10 * IN_FLIGHT);
  screen.parseAll();
  assert.equal(painter.drawn, 10 * IN_FLIGHT);
  assert.equal(painter.waiting, 0);
  assert.ok(screen.log.every((piece) => Number(piece) <= PIECE));
});

test("the box is told now and then how far the drawing is, and not for each key", () => {
  const told: number[] = [];
  const screen = new SlowScreen();
  const painter = new Painter(screen, (offset) => told.push(offset));
  painter.write(text("a"), 1);
  screen.parseAll();
  assert.deepEqual(told, []);
  painter.write(new Uint8Array(2 * CREDIT_EVERY), 2 * CREDIT_EVERY + 1);
  screen.parseAll();
  assert.deepEqual(told, [CREDIT_EVERY + 1, 2 * CREDIT_EVERY + 1]);
});

test("what is to come after the output comes after it", () => {
  const screen = new SlowScreen();
  const painter = new Painter(screen, () => undefined);
  const done: string[] = [];
  painter.then(() => done.push("at once"));
  painter.write(text("ab"), 2);
  painter.then(() => done.push("behind"));
  assert.deepEqual(done, ["at once"]);
  screen.parseAll();
  assert.deepEqual(done, ["at once", "behind"]);
});
