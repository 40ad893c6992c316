/** The client against a small box of its own, over real HTTP. */

import assert from "node:assert/strict";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { Box } from "./box.ts";
import { fromBase64url, sha256, toBase64url, utf8, type Octets } from "./octets.ts";
import { Problem } from "./problem.ts";
import type { DeviceKey } from "./proofs.ts";

interface Asked {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  claims: Record<string, unknown>;
  body: string;
}
type Answer = [status: number, body: unknown, headers?: Record<string, string>];

async function newKey(): Promise<DeviceKey & { pair: CryptoKeyPair }> {
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
  const sign = async (octets: Octets) => new Uint8Array(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, pair.privateKey, octets));
  return { pair, publicKey: new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)), sign };
}

/** A box that wants the nonce `good` in every proof, and gives tokens by their number. */
async function boxFor(t: TestContext, answer: (asked: Asked) => Answer = () => [200, {}]) {
  const seen: Asked[] = [];
  let tokens = 0;
  const server = createServer(async (request, response) => {
    const proof = request.headers["dpop"];
    const claims = typeof proof === "string" ? JSON.parse(Buffer.from(proof.split(".")[1]!, "base64url").toString()) : {};
    let body = "";
    for await (const part of request) body += String(part);
    const asked = { method: request.method!, path: request.url!, headers: request.headers, claims, body };
    seen.push(asked);
    let told: Answer;
    if (proof !== undefined && claims.nonce !== "good") told = [401, { code: "unauthenticated", detail: "no nonce", hint: "" }, { "WWW-Authenticate": 'DPoP error="use_dpop_nonce"' }];
    else if (asked.path === "/v1/tokens") told = [200, { access_token: `token ${++tokens}`, expires_in: 600 }];
    else told = answer(asked);
    response.writeHead(told[0], { "Content-Type": "application/json", "DPoP-Nonce": "good", ...told[2] });
    response.end(JSON.stringify(told[1]));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => (server.closeAllConnections(), server.close()));
  const key = await newKey();
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { box: new Box(key, null, origin), key, seen, origin };
}

const paths = (seen: Asked[]) => seen.map((each) => each.path);

test("the first request signs in: a nonce, a token, then what was asked", async (t) => {
  const { box, seen } = await boxFor(t, () => [200, { name: "den" }]);
  assert.deepEqual(await box.request("GET", "/v1/box"), { name: "den" });
  assert.deepEqual(paths(seen), ["/v1/tokens", "/v1/tokens", "/v1/box"]);
  assert.equal(seen[2]!.headers["authorization"], "DPoP token 1");
  await box.request("GET", "/v1/box");
  assert.equal(seen.length, 4);
});

test("a proof is signed by the device's key and fits its request alone", async (t) => {
  const { box, key, seen, origin } = await boxFor(t);
  await box.request("PATCH", "/v1/box?x=1", { capacity: 3 });
  await box.request("GET", "/v1/box");
  const [asked, next] = seen.slice(2);
  assert.equal(asked!.body, '{"capacity":3}');
  const { jti, iat, ...claims } = asked!.claims;
  assert.deepEqual(claims, { htm: "PATCH", htu: `${origin}/v1/box`, nonce: "good", ath: toBase64url(await sha256(utf8("token 1"))) });
  assert.ok(Math.abs(Number(iat) - Date.now() / 1000) < 5);
  assert.notEqual(next!.claims["jti"], jti);
  const [head, body, signature] = String(asked!.headers["dpop"]).split(".");
  const header = JSON.parse(Buffer.from(head!, "base64url").toString());
  assert.deepEqual([header.typ, header.alg, header.jwk.kty, header.jwk.crv, Object.keys(header.jwk).length], ["dpop+jwt", "ES256", "EC", "P-256", 4]);
  const holds = await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key.pair.publicKey, fromBase64url(signature!), utf8(`${head}.${body}`));
  assert.ok(holds);
});

test("a token that the box has forgotten is renewed once", async (t) => {
  const { box, seen } = await boxFor(t, (asked) =>
    asked.headers["authorization"] === "DPoP token 1" ? [401, { code: "unauthenticated", detail: "no such token", hint: "" }] : [200, { ok: true }],
  );
  assert.deepEqual(await box.request("GET", "/v1/box"), { ok: true });
  assert.deepEqual(paths(seen).slice(2), ["/v1/box", "/v1/tokens", "/v1/box"]);
});

test("requests at the same time share one sign-in", async (t) => {
  const { box, seen } = await boxFor(t);
  await Promise.all([box.request("GET", "/1"), box.request("GET", "/2"), box.request("GET", "/3")]);
  assert.deepEqual(paths(seen).sort(), ["/1", "/2", "/3", "/v1/tokens", "/v1/tokens"]);
});

test("a refusal is thrown as the problem that it is", async (t) => {
  const { box } = await boxFor(t, () => [409, { code: "at_capacity", detail: "all 32 slots are taken", hint: "stop one", used: 32 }]);
  await assert.rejects(box.request("POST", "/v1/code/sessions", {}), (error: Problem) => {
    assert.deepEqual([error.code, error.status, error.hint, error.fields["used"]], ["at_capacity", 409, "stop one", 32]);
    return true;
  });
});

test("a device that is not let in is not asked for again and again", async (t) => {
  const { box, seen } = await boxFor(t, () => [401, { code: "unauthenticated", detail: "unknown device", hint: "" }]);
  await assert.rejects(box.request("GET", "/v1/box", undefined, { as: "proof" }), { code: "unauthenticated" });
  assert.equal(seen.length, 2);
});

test("who asks as nobody sends no proof", async (t) => {
  const { box, seen } = await boxFor(t);
  await box.request("POST", "/v1/pairings/claim", { code: "AB12-CD34" }, { as: "none" });
  assert.deepEqual([seen.length, seen[0]!.headers["dpop"], seen[0]!.headers["authorization"]], [1, undefined, undefined]);
});

test("octets go as they are", async (t) => {
  const { box, seen } = await boxFor(t);
  await box.request("PUT", "/v1/code/sessions/s/files?path=a", utf8("hä"));
  assert.deepEqual([seen.at(-1)!.body, seen.at(-1)!.headers["content-type"]], ["hä", "application/octet-stream"]);
});

test("a box that is not there is unreachable", async () => {
  const box = new Box(await newKey(), null, "http://127.0.0.1:1");
  await assert.rejects(box.request("GET", "/v1/box"), { code: "unreachable", status: 0 });
});

test("a clock that is wrong is set right by the box's answers", async (t) => {
  const { box, seen } = await boxFor(t, () => [200, {}, { Date: new Date(Date.now() + 3600_000).toUTCString() }]);
  await box.request("GET", "/v1/box");
  await box.request("GET", "/v1/box");
  assert.ok(Number(seen.at(-1)!.claims["iat"]) - Date.now() / 1000 > 3500);
});
