// An app made with matrix-js-sdk, which Element is made with. It talks to its test over lines of JSON:
//   out {"authorize": URL}   in {"callback": URL}   out {"check": …, "ok": …, "detail": …}   out {"token": …, "verb": "logout"}
// MATRIX_JS_SDK names the package's folder, LATCHKEY_PAIR holds baseUrl, name, password.

import assert from "node:assert/strict";
import { createInterface } from "node:readline";

for (const name of ["trace", "debug", "log", "info", "warn", "error"]) console[name] = () => {};
const kept = new Map();
const storage = {
  getItem: (key) => kept.get(key) ?? null,
  setItem: (key, value) => kept.set(key, String(value)),
  removeItem: (key) => kept.delete(key),
  key: (index) => [...kept.keys()][index] ?? null,
  get length() { return kept.size; },
};
globalThis.window = globalThis;
globalThis.location = new URL("https://app.example.com/");
globalThis.sessionStorage = globalThis.localStorage = storage; // where a browser keeps the code verifier

const sdk = await import(`${process.env.MATRIX_JS_SDK}/lib/index.js`);
const { baseUrl, name, password } = JSON.parse(process.env.LATCHKEY_PAIR);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

async function check(what, run) {
  const line = { check: what, ok: true, detail: "" };
  try {
    await run();
  } catch (error) {
    line.ok = false;
    line.detail = String(error.stack ?? error).slice(0, 2000);
  }
  say(line);
}

const clientOf = ({ user_id, device_id, access_token }) =>
  sdk.createClient({ baseUrl, userId: user_id, deviceId: device_id, accessToken: access_token });

async function talk(client) {
  const { room_id } = await client.createRoom({ name: "a room" });
  const { event_id } = await client.sendTextMessage(room_id, "hello");
  const event = await client.fetchRoomEvent(room_id, event_id);
  assert.equal(event.content.body, "hello");
}

await check("logs in with a password, talks, logs out", async () => {
  const identifier = { type: "m.id.user", user: name };
  const wish = { initial_device_display_name: "Element", refresh_token: true };
  const answer = await sdk.createClient({ baseUrl }).loginRequest({ type: "m.login.password", identifier, password, ...wish });
  const client = clientOf(answer);
  assert.equal((await client.whoami()).device_id, answer.device_id);
  await talk(client);
  const fresh = await sdk.createClient({ baseUrl }).refreshToken(answer.refresh_token);
  const later = clientOf({ ...answer, access_token: fresh.access_token });
  assert.equal((await later.getDevices()).devices[0].display_name, "Element");
  await later.logout(true);
  say({ token: fresh.access_token });
});

let metadata, clientId;
await check("finds its authentication server through Synapse", async () => {
  metadata = await sdk.createClient({ baseUrl }).getAuthMetadata();
  assert.ok(metadata.issuer.endsWith("/"));
});

await check("registers, is authorized, talks", async () => {
  const redirectUri = "https://app.example.com/callback";
  clientId = await sdk.registerOidcClient(metadata, {
    clientName: "Element",
    clientUri: "https://app.example.com/",
    applicationType: "web",
    redirectUris: [redirectUri],
    contacts: [],
    tosUri: undefined,
    policyUri: undefined,
  });
  const url = await sdk.generateOidcAuthorizationUrl({
    metadata, redirectUri, clientId, homeserverUrl: baseUrl, nonce: "nonce-of-the-app",
  });
  say({ authorize: url });
  const { callback } = JSON.parse((await lines.next()).value);
  const query = new URL(callback).searchParams;
  const { tokenResponse, idTokenClaims } = await sdk.completeAuthorizationCodeGrant(query.get("code"), query.get("state"), "query");
  assert.ok(idTokenClaims.sub);
  const client = sdk.createClient({ baseUrl, accessToken: tokenResponse.access_token });
  const { user_id, device_id } = await client.whoami();
  assert.ok(tokenResponse.scope.includes(device_id));
  await talk(clientOf({ user_id, device_id, access_token: tokenResponse.access_token }));
  const revoked = await fetch(metadata.revocation_endpoint, {
    method: "POST",
    body: new URLSearchParams({ token: tokenResponse.access_token, client_id: clientId }),
  });
  assert.equal(revoked.status, 200);
  say({ token: tokenResponse.access_token });
});
process.exit(0);
