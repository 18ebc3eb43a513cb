// An access token expires: the SDK refreshes at M_UNKNOWN_TOKEN and repeats the request.

import assert from "node:assert/strict";
import { createClient, HttpApiEvent } from "matrix-js-sdk";
import { check, refuses } from "../report.mjs";
import { clientOf, operate, registered } from "../person.mjs";

export async function refreshChecks(installation) {
  const { baseUrl } = installation;
  await check("an expired token is refreshed and the request repeated, unseen by the app", async () => {
    const { name, answer } = await registered(baseUrl);
    const client = clientOf(baseUrl, answer);
    operate(installation, "expire", name);
    assert.equal((await client.whoami()).device_id, answer.device_id);
    assert.equal(client.refreshes, 1);
    assert.notEqual(client.getAccessToken(), answer.access_token);
    assert.equal((await client.getDevices()).devices.length, 1);
    assert.equal(client.refreshes, 1);
  });
  await check("requests at one moment share one refresh", async () => {
    const { name, answer } = await registered(baseUrl);
    const client = clientOf(baseUrl, answer);
    operate(installation, "expire", name);
    const found = await Promise.all([client.whoami(), client.getDevices(), client.getThreePids(), client.whoami()]);
    assert.equal(found.length, 4);
    assert.equal(client.refreshes, 1);
  });
  await check("a spent refresh token is worth nothing", async () => {
    const { name, answer } = await registered(baseUrl);
    const client = clientOf(baseUrl, answer);
    operate(installation, "expire", name);
    await client.whoami();
    await refuses(createClient({ baseUrl }).refreshToken(answer.refresh_token), 401, "M_UNKNOWN_TOKEN");
  });
  await check("a client that cannot refresh is told to log in again and keep its keys", async () => {
    const { name, answer } = await registered(baseUrl);
    const client = clientOf(baseUrl, { ...answer, refresh_token: undefined });
    let told;
    client.on(HttpApiEvent.SessionLoggedOut, (error) => (told = error));
    operate(installation, "expire", name);
    await refuses(client.whoami(), 401, "M_UNKNOWN_TOKEN");
    assert.equal(told.data.soft_logout, true);
  });
}
