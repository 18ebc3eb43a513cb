// Blacklist and whitelist mode as a client meets them (session-open-group.md §4, §6.2, §6.3).

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { answers, BAD_TOKEN, check, done, plain } from "../report.mjs";
import { loggedIn, SessionClient } from "../session_client.mjs";

const NOT_ALLOWED = plain("not allowed");
// A change is in force at once where it was made, and within a second in other processes, where there are any.
const settled = () => sleep(Number(process.env.SECONDS_TO_SETTLE ?? 0) * 1000);
const ask = (server, client) => server.ask("GET", `/loki/v1/get_challenge?pubKey=${client.pubKey}`);

export async function listChecks(server, moderator) {
  const edit = async (method, list, client) => {
    const path = `/loki/v1/moderation/${list}/@${client.pubKey}`;
    answers(await server.ask(method, path, { token: moderator.token }), 200, done);
    await settled();
  };
  await banChecks(server, edit, moderator);
  await whitelistChecks(server, edit, moderator);
}

async function banChecks(server, edit, moderator) {
  await check("a ban holds at every step and comes before the token is looked at", async () => {
    const client = await loggedIn(server);
    const waiting = await client.requestToken();
    await edit("POST", "blacklist", client);
    answers(await ask(server, client), 401, NOT_ALLOWED);
    answers(await client.submit(waiting), 401, NOT_ALLOWED);
    answers(await client.submit(""), 401, NOT_ALLOWED);
    answers(await client.whoAmI(), 401, BAD_TOKEN);
    answers(await server.ask("GET", "/loki/v1/user_info", { token: client.token }), 401, BAD_TOKEN);
  });
  await check("lifting a ban admits the key again but revives no token", async () => {
    const client = await loggedIn(server);
    await edit("POST", "blacklist", client);
    await edit("DELETE", "blacklist", client);
    answers(await client.whoAmI(), 401, BAD_TOKEN);
    assert.equal((await client.whoAmI(await client.refreshServerToken())).status, 200);
  });
  await check("a key can be banned before it ever logs in", async () => {
    const client = new SessionClient(server);
    await edit("POST", "blacklist", client);
    answers(await ask(server, client), 401, NOT_ALLOWED);
    const shouted = { pubKey: "05" + client.pubKey.slice(2).toUpperCase() };
    answers(await ask(server, shouted), 401, NOT_ALLOWED);
    await edit("DELETE", "blacklist", client);
    assert.equal((await ask(server, client)).status, 200);
  });
  await check("a ban ends moderator rights", async () => {
    const other = await loggedIn(server);
    const path = `/loki/v1/moderators/@${other.pubKey}`;
    answers(await server.ask("POST", path, { token: moderator.token }), 200, done);
    await edit("POST", "blacklist", other);
    await edit("DELETE", "blacklist", other);
    other.token = await other.refreshServerToken();
    const info = await server.ask("GET", "/loki/v1/user_info", { token: other.token });
    assert.equal(info.json.data.moderator_status, false);
  });
}

async function setMode(server, whitelist, witness) {
  server.manage("rules", "mode", "session", whitelist ? "whitelist" : "open");
  const expected = whitelist ? 401 : 200;
  for (let tries = 0; tries < 50 && (await ask(server, witness)).status !== expected; tries += 1) await sleep(100);
  await settled();
}

async function whitelistChecks(server, edit, moderator) {
  const [listed, unlisted] = [await loggedIn(server), await loggedIn(server)];
  const waiting = await unlisted.requestToken();
  await edit("POST", "whitelist", moderator);
  await edit("POST", "whitelist", listed);
  await setMode(server, true, new SessionClient(server));
  await check("whitelist mode refuses who is not listed, at every step", async () => {
    answers(await ask(server, unlisted), 401, NOT_ALLOWED);
    answers(await unlisted.submit(waiting), 401, NOT_ALLOWED);
  });
  await check("a token of somebody not listed answers 401 with 401 in the body, never 403", async () => {
    answers(await unlisted.whoAmI(), 401, BAD_TOKEN);
    answers(await server.ask("GET", "/loki/v1/user_info", { token: unlisted.token }), 401, BAD_TOKEN);
  });
  await check("whoever is listed logs in as before", async () => {
    assert.equal((await listed.whoAmI()).status, 200);
    assert.equal((await listed.whoAmI(await listed.refreshServerToken())).status, 200);
  });
  await check("a key put on the whitelist is admitted at once and its old token works again", async () => {
    await edit("POST", "whitelist", unlisted);
    assert.equal((await unlisted.whoAmI()).status, 200);
    await edit("DELETE", "whitelist", unlisted);
    answers(await unlisted.whoAmI(), 401, BAD_TOKEN);
  });
  await check("a ban wins over the whitelist", async () => {
    await edit("POST", "blacklist", listed);
    answers(await ask(server, listed), 401, NOT_ALLOWED);
    await edit("DELETE", "blacklist", listed);
    assert.equal((await ask(server, listed)).status, 200);
  });
  await setMode(server, false, unlisted);
  await check("leaving whitelist mode admits everyone again", async () => {
    assert.equal((await unlisted.whoAmI()).status, 200);
  });
}
