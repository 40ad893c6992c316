/** First in, first out. Taking moves nothing, and of what was taken only a little is held. */

const HELD = 256; // taken and still held: letting go moves all that waits, which is not done for each

export class Queue<T> {
  #items: T[] = [];
  #next = 0;

  add(item: T): void {
    this.#items.push(item);
  }

  /** The one that is taken next. */
  get first(): T | undefined {
    return this.#items[this.#next];
  }

  take(): T | undefined {
    const taken = this.first;
    if (taken === undefined) return undefined;
    this.#next += 1;
    if (this.#next === this.#items.length || this.#next === HELD) {
      this.#items.splice(0, this.#next);
      this.#next = 0;
    }
    return taken;
  }

  /** How many are in memory, those that were taken included. */
  get held(): number {
    return this.#items.length;
  }
}
