/** Something that a person asked for and that is under way: at most once at a time, and its problem stays to be read. */

import { signal, type ReadonlySignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { asProblem, type Problem } from "../api/problem.ts";

export interface Deed {
  readonly busy: ReadonlySignal<boolean>;
  readonly problem: ReadonlySignal<Problem | null>;
  /** Carry it out; true when it succeeded. A second call while the first runs does nothing. */
  run(what: () => Promise<void>): Promise<boolean>;
  clear(): void;
}

export function newDeed(): Deed {
  const busy = signal(false);
  const problem = signal<Problem | null>(null);
  const run = async (what: () => Promise<void>) => {
    if (busy.value) return false;
    busy.value = true;
    problem.value = null;
    try {
      await what();
      return true;
    } catch (error) {
      problem.value = asProblem(error);
      return false;
    } finally {
      busy.value = false;
    }
  };
  return { busy, problem, run, clear: () => (problem.value = null) };
}

export function useDeed(): Deed {
  return useMemo(newDeed, []);
}
