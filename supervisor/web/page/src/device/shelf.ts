/** Text that this browser keeps for the page. A browser that keeps nothing, or has no room, is no problem of anybody's:
 * whoever uses this has the text in memory as well, and only a reload loses it. */

/** What is used of `localStorage`. */
export type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export class Shelf {
  #store: () => Store;

  /** `store` is asked each time: where it is forbidden, naming it throws already. */
  constructor(store: () => Store) {
    this.#store = store;
  }

  /** What was put under `key`, or null. */
  get(key: string): string | null {
    try {
      return this.#store().getItem(key);
    } catch {
      return null;
    }
  }

  /** Null takes it away. */
  put(key: string, text: string | null): void {
    try {
      if (text === null) this.#store().removeItem(key);
      else this.#store().setItem(key, text);
    } catch {
      // See above.
    }
  }
}

export const shelf = new Shelf(() => localStorage);
