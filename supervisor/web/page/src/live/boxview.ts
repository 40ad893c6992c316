/** The box as one who follows `/v1/stream` knows it: a fold of its messages. */

import type { BoxFacts, BoxMessage, Pairing, Session } from "../api/types.ts";

const NOTICES_KEPT = 5;

export interface BoxView {
  readonly box: BoxFacts | null;
  readonly sessions: ReadonlyMap<string, Session>;
  readonly pairings: ReadonlyMap<string, Pairing>;
  readonly notices: readonly string[];
}

export const NOTHING: BoxView = { box: null, sessions: new Map(), pairings: new Map(), notices: [] };

/** The view after `message`; a kind that we do not know changes nothing. */
export function fold(view: BoxView, message: BoxMessage): BoxView {
  switch (message.type) {
    case "hello":
      return { ...view, box: message.box, sessions: byId(message.sessions), pairings: byId(message.pairings ?? []) };
    case "box":
      return { ...view, box: message.box };
    case "session":
      return { ...view, sessions: new Map(view.sessions).set(message.session.id, message.session) };
    case "session_gone":
      return { ...view, sessions: without(view.sessions, message.id) };
    case "pairing":
      return { ...view, pairings: new Map(view.pairings).set(message.pairing.id, message.pairing) };
    case "pairing_gone":
      return { ...view, pairings: without(view.pairings, message.id) };
    case "notice":
      return { ...view, notices: [...view.notices, message.text].slice(-NOTICES_KEPT) };
    default:
      return view;
  }
}

function byId<T extends { id: string }>(all: readonly T[]): ReadonlyMap<string, T> {
  return new Map(all.map((each) => [each.id, each]));
}

function without<T>(map: ReadonlyMap<string, T>, key: string): ReadonlyMap<string, T> {
  const left = new Map(map);
  left.delete(key);
  return left;
}
