// The sequence of session-open-group.md §2 with its exact answers (§4), and the spellings clients use (§3).

import assert from "node:assert/strict";
import { answers, check } from "../report.mjs";
import { loggedIn, SessionClient } from "../session_client.mjs";

const NO_IMAGE = { url: null, width: null, height: null, is_default: false };
const SECONDS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const MILLISECONDS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

function userOf(client, { id, created_at, ...rest }) {
  assert.match(id, /^\d+$/);
  assert.match(created_at, SECONDS);
  return {
    username: client.pubKey, canonical_url: null, type: null, timezone: null, locale: null,
    avatar_image: NO_IMAGE, cover_image: NO_IMAGE,
    counts: { following: 0, posts: 0, followers: 0, stars: 0 },
    follows_you: false, you_blocked: false, you_follow: false, you_muted: false,
    you_can_subscribe: false, you_can_follow: false,
    ...("name" in rest ? { name: rest.name } : {}),
  };
}

function assertToken(answer, client) {
  assert.equal(answer.status, 200);
  const { user, app, limits, storage, invite_link, ...rest } = answer.json.data;
  assert.deepEqual(rest, { scopes: ["stream", "messages", "export", "write_post", "follow"] });
  assert.equal(app.client_id, "messenger");
  for (const text of [app.link, app.name, invite_link]) assert.equal(typeof text, "string");
  for (const number of [limits.following, limits.max_file_size, storage.available, storage.used]) {
    assert.equal(typeof number, "number");
  }
  const { id, created_at, ...shown } = user;
  assert.deepEqual(shown, userOf(client, user));
  assert.deepEqual(answer.json.meta, { code: 200 });
}

export async function loginChecks(server) {
  await check("the server URL itself answers 200", async () => {
    assert.equal((await server.ask("GET", "/")).status, 200);
  });
  await check("a challenge has the documented form", async () => {
    const client = new SessionClient(server);
    const answer = await server.ask("GET", `/loki/v1/get_challenge?pubKey=${client.pubKey}`);
    assert.equal(answer.status, 200);
    assert.deepEqual(Object.keys(answer.json).sort(), ["cipherText64", "serverPubKey64"]);
    assert.equal(answer.json.cipherText64.length, 172);
    assert.equal(Buffer.from(answer.json.serverPubKey64, "base64").length, 33);
    assert.equal(Buffer.from(answer.json.serverPubKey64, "base64")[0], 5);
    assert.match(client.decryptToken(answer.json), /^[A-Za-z0-9]{96}$/);
    assert.equal(answer.headers.get("content-type"), "application/json; charset=utf-8");
    assert.equal(answer.headers.get("cache-control"), "no-store");
    assert.equal(answer.headers.get("access-control-allow-origin"), "*");
    assert.equal(answer.headers.get("access-control-allow-credentials"), null);
  });
  await check("two challenges share nothing and both stay good", async () => {
    const client = new SessionClient(server);
    const path = `/loki/v1/get_challenge?pubKey=${client.pubKey}`;
    const [first, second] = [(await server.ask("GET", path)).json, (await server.ask("GET", path)).json];
    assert.notEqual(first.serverPubKey64, second.serverPubKey64);
    assert.notEqual(first.cipherText64.slice(0, 20), second.cipherText64.slice(0, 20));
    assert.notEqual(client.decryptToken(first), client.decryptToken(second));
    answers(await client.submit(client.decryptToken(second)), 200, {});
    answers(await client.submit(client.decryptToken(first)), 200, {});
  });
  await check("the whole login ends in the token's description", async () => {
    const client = new SessionClient(server);
    const token = await client.requestToken();
    assert.equal((await client.whoAmI(token)).status, 401);
    answers(await client.submit(token), 200, {});
    const answer = await client.whoAmI(token);
    assertToken(answer, client);
    assert.equal(answer.headers.get("cache-control"), "no-store");
  });
  await tokenSpellings(server);
  await keySpellings(server);
  await profile(server);
}

async function tokenSpellings(server) {
  const client = await loggedIn(server);
  const { token } = client;
  const byHeader = await client.whoAmI();
  for (const path of ["/token", "/token/", "/stream/0/token", "//token"]) {
    await check(`the token in the query of ${path} gives the same body`, async () => {
      const answer = await server.ask("GET", `${path}?access_token=${token}`);
      assert.equal(answer.status, 200);
      assert.equal(answer.text, byHeader.text);
    });
  }
  await check("the same query value twice counts once", async () => {
    const answer = await server.ask("GET", `/token?access_token=${token}&access_token=${token}`);
    assert.equal(answer.text, byHeader.text);
  });
  await check("an empty query value leaves the header in force", async () => {
    assert.equal((await server.ask("GET", "/token?access_token=", { token })).text, byHeader.text);
  });
  await check("the scheme is matched in any case", async () => {
    const headers = { Authorization: `bearer ${token}` };
    assert.equal((await server.ask("GET", "/token", { headers })).text, byHeader.text);
  });
  await check("HEAD follows GET", async () => {
    const answer = await server.ask("HEAD", "/token", { token });
    assert.equal(answer.status, 200);
    assert.equal(answer.text, "");
    assert.equal(Number(answer.headers.get("content-length")), Buffer.byteLength(byHeader.text));
  });
  await check("user_info describes the token", async () => {
    const { created_at, ...data } = (await server.ask("GET", "/loki/v1/user_info", { token })).json.data;
    assert.match(created_at, MILLISECONDS);
    assert.deepEqual({ ...data, expires_at: null }, {
      user_id: Number(byHeader.json.data.user.id), client_id: "messenger", expires_at: null,
      scopes: "basic stream write_post follow messages update_profile files export", moderator_status: false,
    });
  });
}

async function keySpellings(server) {
  await check("upper case names the same person", async () => {
    const client = new SessionClient(server);
    const shouted = "05" + client.pubKey.slice(2).toUpperCase();
    const challenge = (await server.ask("GET", `/loki/v1/get_challenge?pubKey=${shouted}`)).json;
    const token = client.decryptToken(challenge);
    answers(await client.submit(token, { pubKey: shouted }), 200, {});
    assert.equal((await client.whoAmI(token)).json.data.user.username, client.pubKey);
  });
  await check("the phones' dummy token is ignored by the challenge calls", async () => {
    const client = new SessionClient(server);
    const answer = await server.ask("GET", `/loki/v1/get_challenge?pubKey=${client.pubKey}`, { token: "loki" });
    assert.equal(answer.status, 200);
    const headers = { Authorization: "Bearer loki" };
    const json = { pubKey: client.pubKey, token: client.decryptToken(answer.json) };
    answers(await server.ask("POST", "/loki/v1/submit_challenge", { json, headers }), 200, {});
  });
  await check("Android's content type and a URL that ends in a slash work", async () => {
    const client = new SessionClient(server);
    const challenge = (await server.ask("GET", `//loki/v1/get_challenge?pubKey=${client.pubKey}`)).json;
    const token = client.decryptToken(challenge);
    const contentType = "application/json; charset=utf-8";
    answers(await client.submit(token, { contentType }), 200, {});
  });
  for (const path of ["/loki/v1/get_challenge", "/loki/v1/submit_challenge", "/token", "/anything"]) {
    await check(`OPTIONS ${path} answers 200`, async () => {
      assert.equal((await server.ask("OPTIONS", path)).status, 200);
    });
  }
}

async function profile(server) {
  await check("PATCH /users/me sets the name that GET /token shows", async () => {
    const client = await loggedIn(server);
    const answer = await server.ask("PATCH", "/users/me", { token: client.token, json: { name: "Bób 🔑" } });
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.json, { meta: { code: 200 }, data: (await client.whoAmI()).json.data.user });
    assert.equal(answer.json.data.name, "Bób 🔑");
  });
  await check("annotations alone change nothing and are accepted", async () => {
    const client = await loggedIn(server);
    const json = { annotations: [{ type: "network.loki.messenger.homeserver", value: {} }] };
    const answer = await server.ask("PATCH", "/users/me", { token: client.token, json });
    assert.equal(answer.status, 200);
    assert.equal("name" in answer.json.data, false);
  });
}
