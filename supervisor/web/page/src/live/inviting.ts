/**
 * An invitation for another device: made here, and watched in what the box tells until it has come to its end, or
 * called off when nobody looks at it any more.
 */

import { signal, type ReadonlySignal } from "@preact/signals";
import type { Box } from "../api/box.ts";
import type { BoxMessage, Pairing } from "../api/types.ts";
import type { BoxView } from "./boxview.ts";

const PAIRINGS = "/v1/pairings";
const TRIES = 3; // wrong numbers that the box takes

export interface Invitation {
  id: string;
  code: string;
  /** Null where the box has no address. `for_others`: other machines get there, so that a QR makes sense; else `advice`
   * says what to do. */
  offer: { link: string; for_others: boolean; advice: string[] } | null;
  expires_at: string;
}

/** What is used of `Live`. */
export interface Host {
  readonly box: Pick<Box, "request">;
  readonly view: ReadonlySignal<BoxView>;
  take(message: BoxMessage): void;
}

/** `gone`: the box does not know it, or not any more; how it ended nobody heard here. */
export type InvitationState = Pairing["state"] | "gone";

export class Inviting {
  readonly made = signal<Invitation | null>(null);
  #host: Host;
  #isLeft = false;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Make one, in the place of one that has ended. Throws Problem. */
  async make(): Promise<void> {
    const made = await this.#host.box.request<Invitation>("POST", PAIRINGS, {});
    if (this.#isLeft) return this.#callOff(made);
    if (!this.#host.view.value.pairings.has(made.id)) this.#tell(made, "waiting"); // the stream may be slower, or cut
    this.made.value = made;
  }

  /** As the box told it last. */
  get pairing(): Pairing | undefined {
    return this.made.value === null ? undefined : this.#host.view.value.pairings.get(this.made.value.id);
  }

  /** Null until one is made. */
  get state(): InvitationState | null {
    return this.made.value === null ? null : (this.pairing?.state ?? "gone");
  }

  /** Let the device in that shows this number. Throws Problem. */
  async accept(number: string): Promise<void> {
    const made = this.made.value;
    if (made === null) return;
    await this.#host.box.request("POST", `${PAIRINGS}/${made.id}/accept`, { number });
    this.#tell(made, "accepted");
  }

  /** Nobody looks at it any more: what still waits is void from now on, for whoever has seen link or code. */
  leave(): void {
    this.#isLeft = true;
    if (this.made.value !== null && this.state === "waiting") void this.#callOff(this.made.value);
  }

  async #callOff({ id }: Invitation): Promise<void> {
    try {
      await this.#host.box.request("DELETE", `${PAIRINGS}/${id}`);
    } catch {
      // Nobody is there to be told. What the box did not hear of ends by itself, five minutes after it was made.
    }
  }

  #tell({ id, expires_at }: Invitation, state: Pairing["state"]): void {
    const known = this.pairing ?? { id, expires_at, claimed: null, contenders: [], tries_left: TRIES };
    this.#host.take({ type: "pairing", pairing: { ...known, id, state } });
  }
}
