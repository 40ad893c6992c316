/** The box as seen from here: requests with a proof and a token that lives in memory alone, and streams by ticket. */

import { random, toBase64url } from "./octets.ts";
import { Problem, problemOf, unreachable } from "./problem.ts";
import { prove, type DeviceKey } from "./proofs.ts";

const EARLY_SECONDS = 30; // a token is renewed before it ends, so that no request starts with one that ends under way
const ANSWER_SECONDS = 60; // for a whole answer; `stop` alone may take ten
const LINE_SECONDS = 15; // for a ticket or an upgrade, which cost the box nothing
const YIELD_SECONDS = 5; // that the box's stream lets a session's go first; a ticket is good for 30
const SKEW_SECONDS = 2; // the Date of an answer has whole seconds; less is no difference of clocks

/** What a stream is about: one session, or the box. */
export interface Target {
  session?: string;
}

export interface Options {
  /** `token`: as a device that has signed in (the usual one); `proof`: by the key alone; `none`: as nobody. */
  as?: "token" | "proof" | "none";
  seconds?: number;
  signal?: AbortSignal;
  headers?: Record<string, string>;
}

interface Token {
  value: string;
  endsAt: number;
}

interface Granted {
  access_token: string;
  expires_in: number;
}

type Query = Record<string, string | number>;

export class Box {
  readonly origin: string;
  #key: DeviceKey;
  #nonce: string | null;
  #skew = 0; // milliseconds that the box's clock is ahead of ours
  #token: Token | null = null;
  #signingIn: Promise<Token> | null = null;
  #looked = new Set<Promise<undefined>>(); // streams of sessions that are being opened

  /** `nonce` is one that the box gave, if it gave one yet. */
  constructor(key: DeviceKey, nonce: string | null, origin: string = location.origin) {
    this.#key = key;
    this.#nonce = nonce;
    this.origin = origin;
  }

  /** One request; gives the parsed answer. `body` goes as JSON, octets and blobs as they are. Throws Problem. */
  async request<T = unknown>(method: string, path: string, body?: unknown, options: Options = {}): Promise<T> {
    const answer = await this.fetch(method, path, body, options);
    return (await parsed(answer)) as T;
  }

  /** The same for who wants the answer itself, such as a file's octets. Throws Problem for what is not 2xx. */
  async fetch(method: string, path: string, body?: unknown, options: Options = {}): Promise<Response> {
    const as = options.as ?? "token";
    const used = as === "token" ? await this.#signedIn() : null;
    let answer = await this.#ask(method, path, body, options, used);
    if (answer.status === 401 && as === "token") {
      // The box was started anew, or slept longer than our clock says: tokens live in its memory.
      if (this.#token === used) this.#token = null;
      answer = await this.#ask(method, path, body, options, await this.#signedIn());
    }
    if (!answer.ok) throw problemOf(answer.status, await parsed(answer));
    return answer;
  }

  /** Learn the nonce that is good now: it changes every few minutes, and a stale one costs the next proof a round trip. */
  async freshen(): Promise<void> {
    await this.request("GET", "/healthz", undefined, { as: "none", seconds: LINE_SECONDS });
  }

  /** A WebSocket on `/v1/stream` or a session's, open. Its first message has not been read: listen at once. */
  async openStream(target: Target = {}, query: Query = {}): Promise<WebSocket> {
    const opened = this.#openStream(target, query);
    if (target.session !== undefined) {
      const settled = opened.then(
        () => undefined,
        () => undefined,
      );
      this.#looked.add(settled);
      void settled.then(() => this.#looked.delete(settled));
    }
    return opened;
  }

  async #openStream(target: Target, query: Query): Promise<WebSocket> {
    const options: Options = { as: "proof", seconds: LINE_SECONDS };
    const granted = await this.request<Granted & { ticket: string }>("POST", "/v1/tickets", target, options);
    this.#token = this.#keep(granted);
    if (target.session !== undefined) {
      return this.openSocket(`/v1/code/sessions/${encodeURIComponent(target.session)}/stream`, granted.ticket, query);
    }
    // A browser opens one WebSocket to an address after the other (RFC 6455 §4.1): what somebody looks at goes first.
    const waited = new Promise((resolve) => setTimeout(resolve, YIELD_SECONDS * 1000));
    await Promise.race([Promise.all(this.#looked), waited]);
    return this.openSocket("/v1/stream", granted.ticket, query);
  }

  /** A WebSocket on any path for which the box gave a ticket. */
  openSocket(path: string, ticket: string, query: Query = {}): Promise<WebSocket> {
    const url = new URL(path, this.origin);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    const socket = new WebSocket(url, ["rc.v1", `ticket.${ticket}`]);
    socket.binaryType = "arraybuffer";
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => socket.close(), LINE_SECONDS * 1000);
      const settle = () => {
        clearTimeout(late);
        socket.onopen = socket.onclose = null;
      };
      socket.onopen = () => (settle(), resolve(socket));
      socket.onclose = () => (settle(), reject(unreachable()));
    });
  }

  async #signedIn(): Promise<Token> {
    if (this.#token !== null && this.#token.endsAt > Date.now()) return this.#token;
    this.#signingIn ??= this.#signIn().finally(() => (this.#signingIn = null));
    return this.#signingIn;
  }

  async #signIn(): Promise<Token> {
    this.#token = this.#keep(await this.request<Granted>("POST", "/v1/tokens", {}, { as: "proof", seconds: LINE_SECONDS }));
    return this.#token;
  }

  #keep(granted: Granted): Token {
    return { value: granted.access_token, endsAt: Date.now() + (granted.expires_in - EARLY_SECONDS) * 1000 };
  }

  /** One request with its proof, and once more when all that was wrong with it is the nonce. */
  async #ask(method: string, path: string, body: unknown, options: Options, token: Token | null): Promise<Response> {
    const before = this.#nonce;
    const answer = await this.#send(method, path, body, options, token);
    const wanted = answer.headers.get("www-authenticate")?.includes("use_dpop_nonce") ?? false;
    if (answer.status !== 401 || !wanted || this.#nonce === before) return answer;
    return this.#send(method, path, body, options, token);
  }

  async #send(method: string, path: string, body: unknown, options: Options, token: Token | null): Promise<Response> {
    const url = new URL(path, this.origin);
    const headers = new Headers(options.headers);
    if (options.as !== "none") headers.set("DPoP", await this.#proof(method, url.origin + url.pathname, token));
    if (token !== null) headers.set("Authorization", `DPoP ${token.value}`);
    const request: RequestInit = { method, headers, credentials: "omit", cache: "no-store", redirect: "error" };
    if (body instanceof Blob || body instanceof Uint8Array) {
      request.body = body as BodyInit;
      headers.set("Content-Type", "application/octet-stream");
    } else if (body !== undefined) {
      request.body = JSON.stringify(body);
      headers.set("Content-Type", "application/json");
    }
    const late = AbortSignal.timeout((options.seconds ?? ANSWER_SECONDS) * 1000);
    request.signal = options.signal ? AbortSignal.any([late, options.signal]) : late;
    try {
      const answer = await fetch(url, request);
      this.#learn(answer.headers);
      return answer;
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw unreachable();
    }
  }

  #proof(method: string, url: string, token: Token | null): Promise<string> {
    const at = Math.floor((Date.now() + this.#skew) / 1000);
    const id = toBase64url(random(16));
    return prove(this.#key, { method, url, at, id, nonce: this.#nonce, token: token?.value ?? null });
  }

  #learn(headers: Headers): void {
    this.#nonce = headers.get("DPoP-Nonce") ?? this.#nonce;
    const ahead = Date.parse(headers.get("Date") ?? "") - Date.now();
    if (!Number.isNaN(ahead)) this.#skew = Math.abs(ahead) > SKEW_SECONDS * 1000 ? ahead : 0;
  }
}

async function parsed(answer: Response): Promise<unknown> {
  try {
    return await answer.json();
  } catch {
    if (!answer.ok) return null;
    throw new Problem("unreadable", "the answer was cut off or is not the box's", "try again", answer.status);
  }
}
