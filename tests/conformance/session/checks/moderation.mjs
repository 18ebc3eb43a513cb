// The moderation dialect as far as it decides who may log in (session-open-group.md §6.3).

import assert from "node:assert/strict";
import { answers, appNet, BAD_TOKEN, check, done, plain } from "../report.mjs";
import { loggedIn, SessionClient } from "../session_client.mjs";

const NOT_A_MODERATOR = appNet(401, "Call requires moderation: Moderation required for this endpoint.");

export async function newModerator(server) {
  const client = new SessionClient(server);
  server.manage("moderators", "add", client.pubKey);
  client.token = await client.refreshServerToken();
  return client;
}

const idOf = async (client) => (await client.whoAmI()).json.data.user.id;
const statusOf = async (client) =>
  (await client.server.ask("GET", "/loki/v1/user_info", { token: client.token })).json.data.moderator_status;

export async function moderationChecks(server, moderator) {
  const someone = await loggedIn(server);
  const id = await idOf(someone);
  const as = (client, method, path) => server.ask(method, `/loki/v1/${path}`, { token: client?.token });

  for (const path of [`moderation/blacklist/${id}`, `moderation/whitelist/${id}`, `moderators/${id}`]) {
    for (const method of ["POST", "DELETE"]) {
      await check(`${method} ${path.replace(/\d+$/, ":id")} is for global moderators only`, async () => {
        answers(await as(null, method, path), 401, appNet(401, "Authorization required"));
        answers(await as({ token: "a".repeat(96) }, method, path), 401, BAD_TOKEN);
        answers(await as(someone, method, path), 401, NOT_A_MODERATOR);
      });
      await check(`${method} ${path.replace(/\d+$/, ":id")} knows no account of an unknown number`, async () => {
        const unknown = path.replace(/\d+$/, "999999999");
        answers(await as(moderator, method, unknown), 410, plain("user id not found"));
      });
    }
  }
  await check("a moderator named before the first login is one after it", async () => {
    assert.equal(await statusOf(moderator), true);
    assert.equal(await statusOf(someone), false);
  });
  for (const name of [id, `@${someone.pubKey}`]) {
    await check(`moderators are made and unmade by ${name.startsWith("@") ? "key" : "number"}`, async () => {
      answers(await as(moderator, "POST", `moderators/${name}`), 200, done);
      answers(await as(moderator, "POST", `moderators/${name}`), 200, done);
      assert.equal(await statusOf(someone), true);
      answers(await as(moderator, "DELETE", `moderators/${name}`), 200, done);
      assert.equal(await statusOf(someone), false);
    });
  }
  await check("a key that never logged in cannot be made a moderator over HTTP", async () => {
    const path = `moderators/@${new SessionClient(server).pubKey}`;
    answers(await as(moderator, "POST", path), 410, plain("user id not found"));
  });
  await check("a malformed key is refused", async () => {
    answers(await as(moderator, "POST", "moderation/blacklist/@05zz"), 422, plain("pubKey invalid"));
  });
  for (const path of ["channels/1/moderators", "channel/1/get_moderators"]) {
    await check(`GET ${path} is public and names the moderators`, async () => {
      const answer = await as(null, "GET", path);
      assert.equal(answer.status, 200);
      assert.deepEqual(Object.keys(answer.json), ["moderators"]);
      assert.ok(answer.json.moderators.includes(moderator.pubKey));
    });
    await check(`GET ${path.replace("1", "x")} is refused`, async () => {
      answers(await as(null, "GET", path.replace("1", "x")), 400, plain("id not a valid number"));
    });
  }
}
