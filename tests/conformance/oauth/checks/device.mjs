// The device grant (RFC 8628): pending, slow_down, approve, deny, expire, guess.

import assert from "node:assert/strict";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { ask } from "../inside.mjs";
import { DEVICE, livesAtMatrix, newDevice, plain, plainProgram, program, scopeOf } from "../programs.mjs";
import { check, refuses } from "../report.mjs";

const onlyDevice = { grant_types: [DEVICE, "refresh_token"], redirect_uris: undefined, response_types: [] };

async function begun(more = []) {
  const made = await plainProgram(onlyDevice);
  const scope = scopeOf(newDevice(), ...more);
  const answer = await oauth.deviceAuthorizationRequest(made.as, made.client, made.auth, { scope }, plain);
  return { ...made, scope, grant: await oauth.processDeviceAuthorizationResponse(made.as, made.client, answer) };
}

async function poll({ as, client, auth, grant }, code = grant.device_code) {
  const answer = await oauth.deviceCodeGrantRequest(as, client, auth, code, plain);
  return oauth.processDeviceCodeResponse(as, client, answer);
}

const outcome = (polled) => polled.then(() => "tokens", (failed) => failed.error);

const decide = async (grant, decision) => {
  const { name } = await ask("newcomer");
  return { name, ...(await ask("link", { name, code: grant.user_code, decision })) };
};

// Seconds on the server's clock, which nobody moves here.
const rest = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000 + 100));

export async function deviceChecks() {
  const slowed = check("pending, slow_down, and the answer once it is allowed", async () => {
    const made = await begun();
    assert.match(made.grant.user_code, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
    const told = [await outcome(poll(made))];
    while (told.length < 50 && told.at(-1) === "authorization_pending") told.push(await outcome(poll(made)));
    assert.deepEqual([told[0], told.at(-1)], ["authorization_pending", "slow_down"]);
    await decide(made.grant, "allow");
    await rest(made.grant.interval + 5); // what slow_down asks for
    assert.equal((await poll(made)).scope, made.scope);
    await refuses(poll(made), 400, "invalid_grant");
  });
  await check("openid-client polls until somebody allows", async () => {
    const { config } = await program(onlyDevice);
    const scope = scopeOf(newDevice());
    const grant = await openid.initiateDeviceAuthorization(config, { scope });
    const polled = openid.pollDeviceAuthorizationGrant(config, grant);
    await decide(grant, "allow");
    const tokens = await polled;
    assert.equal(tokens.scope, scope);
    assert.equal(typeof tokens.refresh_token, "string");
    assert.ok(await livesAtMatrix(tokens.access_token));
  });
  await check("openid-client is told that somebody denied", async () => {
    const { config } = await program(onlyDevice);
    const grant = await openid.initiateDeviceAuthorization(config, { scope: scopeOf(newDevice()) });
    await decide(grant, "deny");
    await refuses(openid.pollDeviceAuthorizationGrant(config, grant), 400, "access_denied");
  });
  await check("an ID token of a device is verified too", async () => {
    const made = await begun(["openid"]);
    const { name } = await decide(made.grant, "allow");
    const answer = await oauth.deviceCodeGrantRequest(made.as, made.client, made.auth, made.grant.device_code, plain);
    const tokens = await oauth.processDeviceCodeResponse(made.as, made.client, answer);
    await oauth.validateApplicationLevelSignature(made.as, answer, plain);
    const { sub } = oauth.getValidatedIdTokenClaims(tokens);
    const told = await oauth.userInfoRequest(made.as, made.client, tokens.access_token, plain);
    assert.equal((await oauth.processUserInfoResponse(made.as, made.client, sub, told)).username, name);
  });
  await check("after a denial every poll says so", async () => {
    const made = await begun();
    await decide(made.grant, "deny");
    await refuses(poll(made), 400, "access_denied");
    await rest(made.grant.interval);
    await refuses(poll(made), 400, "access_denied");
  });
  await check("a code that nobody typed expires", async () => {
    const made = await begun();
    await ask("expire", { device_code: made.grant.device_code });
    await refuses(poll(made), 400, "expired_token");
  });
  await check("a guessed device code is nobody's, and so is another program's", async () => {
    const [made, other] = [await begun(), await begun()];
    await refuses(poll(made, "idp_dc_guessed"), 400, "invalid_grant");
    await refuses(poll({ ...other, grant: made.grant }), 400, "invalid_grant");
  });
  await check("a guessed user code opens nothing", async () => {
    const { name } = await ask("newcomer");
    const { found } = await ask("link", { name, code: "BBBB-BBBB", decision: "allow" });
    assert.equal(found, false);
  });
  await check("a program that did not register the grant gets no code", async () => {
    const made = await plainProgram({ grant_types: ["authorization_code"] });
    const parameters = { scope: scopeOf(newDevice()) };
    const answer = await oauth.deviceAuthorizationRequest(made.as, made.client, made.auth, parameters, plain);
    await refuses(oauth.processDeviceAuthorizationResponse(made.as, made.client, answer), 400, "unauthorized_client");
  });
  await slowed;
}
