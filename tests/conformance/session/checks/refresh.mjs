// Desktop's loop: begin with the saved token; an answer whose body says 401 makes it log in once more (§2).

import assert from "node:assert/strict";
import { answers, BAD_TOKEN, check, done } from "../report.mjs";
import { loggedIn, SessionClient } from "../session_client.mjs";

export async function refreshChecks(server) {
  await check("a first start logs in, sets the profile name, and keeps the token", async () => {
    const client = new SessionClient(server, { profileName: "alice" });
    const token = await client.getOrRefreshServerToken();
    assert.ok(token);
    assert.equal((await client.whoAmI()).json.data.user.name, "alice");
    client.restart();
    assert.equal(await client.getOrRefreshServerToken(), token);
    assert.equal(client.refreshes, 1);
  });
  await check("a revoked token makes the client log in again, once, to the same account", async () => {
    const client = new SessionClient(server);
    const dead = await client.getOrRefreshServerToken();
    const user = (await client.whoAmI()).json.data.user;
    answers(await server.ask("DELETE", "/token", { token: dead }), 200, done);
    answers(await client.whoAmI(), 401, BAD_TOKEN);
    client.restart();
    const fresh = await client.getOrRefreshServerToken();
    assert.notEqual(fresh, dead);
    assert.equal(client.refreshes, 2);
    assert.deepEqual((await client.whoAmI()).json.data.user, user);
  });
  await check("two parts of the app that want a token share one login", async () => {
    const client = new SessionClient(server);
    const [one, two] = await Promise.all([client.getOrRefreshServerToken(), client.getOrRefreshServerToken()]);
    assert.equal(one, two);
    assert.equal(client.refreshes, 1);
  });
  await check("a revoked token stays dead when its challenge is submitted again", async () => {
    const client = await loggedIn(server);
    answers(await server.ask("DELETE", "/token", { token: client.token }), 200, done);
    answers(await client.submit(client.token), 401, { error: "invalid" });
    answers(await client.whoAmI(), 401, BAD_TOKEN);
    answers(await server.ask("DELETE", "/token", { token: client.token }), 401, BAD_TOKEN);
  });
  await check("one device's logout leaves the other devices of the key logged in", async () => {
    const client = await loggedIn(server);
    const other = await client.refreshServerToken();
    answers(await server.ask("DELETE", "/token", { token: other }), 200, done);
    assert.equal((await client.whoAmI()).status, 200);
  });
}
