// Registration, login, logout.

import assert from "node:assert/strict";
import { createClient } from "matrix-js-sdk";
import { check, refuses } from "../report.mjs";
import { byPassword, clientOf, interact, loggedIn, newName, PASSWORD, registered } from "../person.mjs";

export async function signInChecks({ baseUrl }, narrow) {
  await check("interactive auth registers with the dummy stage", async () => {
    const { name, answer } = await registered(baseUrl);
    assert.match(answer.user_id, new RegExp(`^@${name}:`));
    assert.ok(answer.access_token && answer.refresh_token && answer.device_id && answer.expires_in_ms);
    const { user_id, device_id } = await clientOf(baseUrl, answer).whoami();
    assert.deepEqual({ user_id, device_id }, { user_id: answer.user_id, device_id: answer.device_id });
  });
  await check("the old register call works in one request", async () => {
    const answer = await createClient({ baseUrl }).register(newName(), PASSWORD, null, { type: "m.login.dummy" });
    assert.ok(answer.refresh_token);
  });
  await check("a taken name and a weak password are refused before any stage", async () => {
    const client = createClient({ baseUrl });
    const { name } = await registered(baseUrl);
    await refuses(client.registerRequest({ username: name, password: PASSWORD }), 400, "M_USER_IN_USE");
    await refuses(client.registerRequest({ username: newName(), password: "abc" }), 400, "M_WEAK_PASSWORD");
    await refuses(client.registerGuest(), 403, "M_GUEST_ACCESS_FORBIDDEN");
  });
  await check("a login without refresh gives a token without end", async () => {
    const { name } = await registered(baseUrl);
    const answer = await loggedIn(baseUrl, name);
    assert.equal(answer.refresh_token, undefined);
    assert.equal(answer.expires_in_ms, undefined);
    assert.equal((await clientOf(baseUrl, answer).whoami()).user_id, answer.user_id);
  });
  await check("the login of 2016, with `user` and the token in the query, still works", async () => {
    const { name } = await registered(baseUrl);
    const client = createClient({ baseUrl, useAuthorizationHeader: false });
    await client.loginWithPassword(name, PASSWORD);
    assert.match((await client.whoami()).user_id, new RegExp(`^@${name}:`));
  });
  await check("a wrong password is forbidden", async () => {
    const { name } = await registered(baseUrl);
    await refuses(loggedIn(baseUrl, name, { password: "wrong horse" }), 403, "M_FORBIDDEN");
  });
  await check("a login token opens another session, once", async () => {
    const { answer } = await registered(baseUrl);
    const client = clientOf(baseUrl, answer);
    const auth = byPassword(answer.user_id);
    const { login_token } = await interact(client, (given) => client.requestLoginToken(given ?? undefined), auth);
    const other = createClient({ baseUrl });
    const second = await other.loginRequest({ type: "m.login.token", token: login_token, refresh_token: true });
    assert.equal(second.user_id, answer.user_id);
    assert.notEqual(second.device_id, answer.device_id);
    await refuses(other.loginRequest({ type: "m.login.token", token: login_token }), 403, "M_FORBIDDEN");
  });
  await check("logout ends one session, logout everywhere all", async () => {
    const { name, answer } = await registered(baseUrl);
    const [one, two] = [await loggedIn(baseUrl, name), await loggedIn(baseUrl, name)];
    await clientOf(baseUrl, one).logout(true);
    await refuses(clientOf(baseUrl, one).whoami(), 401, "M_UNKNOWN_TOKEN");
    await clientOf(baseUrl, two).whoami();
    await clientOf(baseUrl, two).http.authedRequest("POST", "/logout/all");
    const gone = await refuses(clientOf(baseUrl, two).whoami(), 401, "M_UNKNOWN_TOKEN");
    assert.ok(!gone.data.soft_logout);
    await refuses(createClient({ baseUrl }).refreshToken(answer.refresh_token), 401, "M_UNKNOWN_TOKEN");
  });
  await check("the SDK reads how long to wait after too many failures", async () => {
    const name = newName();
    let error;
    for (let attempt = 0; attempt < 20 && error?.httpStatus !== 429; attempt += 1) {
      error = await loggedIn(narrow.baseUrl, name).catch((failed) => failed);
    }
    assert.equal(error.errcode, "M_LIMIT_EXCEEDED");
    assert.ok(error.isRateLimitError());
    assert.ok(error.getRetryAfterMs() >= error.data.retry_after_ms);
  });
}
