// Authorization code with PKCE: modes, ID tokens, kinds of programs, refusals on the way.

import assert from "node:assert/strict";
import * as openid from "openid-client";
import { ask } from "../inside.mjs";
import { livesAtMatrix, newDevice, program, scopeOf, signIn } from "../programs.mjs";
import { check, refuses } from "../report.mjs";

export async function codeChecks() {
  await check("a person signs in with a code and gets what was asked for", async () => {
    const { tokens, scope } = await signIn(await program());
    assert.equal(tokens.token_type, "bearer"); // the library writes it so
    assert.equal(tokens.scope, scope);
    assert.equal(tokens.expires_in, 300);
    assert.match(tokens.access_token, /^mat_/);
    assert.match(tokens.refresh_token, /^mar_/);
    assert.equal(tokens.id_token, undefined);
    assert.ok(await livesAtMatrix(tokens.access_token));
  });
  for (const mode of ["query", "fragment", "form_post"]) {
    await check(`the code comes by ${mode}, with state and issuer`, async () => {
      const { went } = await signIn(await program(), { parameters: { response_mode: mode } });
      assert.equal(new URL(went.uri).hash !== "", mode === "fragment");
      assert.equal(went.fields !== null, mode === "form_post");
    });
  }
  await check("an ID token is verified against the keys, and userinfo says the same", async () => {
    const made = await program();
    const expectedNonce = openid.randomNonce();
    const parameters = { scope: scopeOf(newDevice(), "openid", "email"), nonce: expectedNonce };
    const { tokens, name } = await signIn(made, { parameters, checks: { expectedNonce, idTokenExpected: true } });
    const claims = tokens.claims();
    assert.equal(claims.aud, made.config.clientMetadata().client_id);
    assert.equal(typeof claims.at_hash, "string");
    const info = await openid.fetchUserInfo(made.config, tokens.access_token, claims.sub);
    assert.deepEqual([info.username, info.email], [name, `${name}@example.org`]);
  });
  await check("max_age is kept, and auth_time tells", async () => {
    const parameters = { scope: scopeOf(newDevice(), "openid"), max_age: "3600", nonce: "n" };
    await signIn(await program(), { parameters, checks: { maxAge: 3600, expectedNonce: "n", idTokenExpected: true } });
  });
  for (const method of ["client_secret_basic", "client_secret_post"]) {
    await check(`a program with a secret redeems its code (${method})`, async () => {
      const { tokens } = await signIn(await program({ token_endpoint_auth_method: method }));
      assert.ok(await livesAtMatrix(tokens.access_token));
    });
  }
  for (const [told, host] of [["IPv4", "127.0.0.1"], ["IPv6", "[::1]"], ["localhost", "localhost"]]) {
    await check(`a native program listens at any port of ${told}`, async () => {
      const made = await program({ application_type: "native", redirect_uris: [`http://${host}/cb`] });
      const { went } = await signIn({ ...made, redirectUri: `http://${host}:49152/cb` });
      assert.equal(new URL(went.uri).port, "49152");
    });
  }
  await check("a native program is called by its own scheme", async () => {
    const made = await program({ application_type: "native", client_uri: "https://app.example.com",
      redirect_uris: ["com.example.app:/callback"] });
    const { went } = await signIn(made);
    assert.ok(went.uri.startsWith("com.example.app:/callback?"));
  });
  await check("no means no: access_denied with state and issuer", async () => {
    const failed = await signIn(await program(), { decision: "deny" }).then(() => assert.fail(), (error) => error);
    assert.deepEqual([failed.constructor.name, failed.error], ["AuthorizationResponseError", "access_denied"]);
  });
  await check("a code works once, and not with another verifier", async () => {
    const made = await program();
    const { went, checks } = await signIn(made);
    const again = new URL(went.uri);
    await refuses(openid.authorizationCodeGrant(made.config, again, checks), 400, "invalid_grant");
    const failing = signIn(made, { checks: { pkceCodeVerifier: openid.randomPKCECodeVerifier() } });
    await refuses(failing, 400, "invalid_grant");
  });
  await check("a code of one program is useless to another", async () => {
    const [one, other] = [await program(), await program()];
    const stolen = { ...one, config: other.config };
    const url = (given) => ({ ...given, redirect_uri: one.redirectUri });
    const verifier = openid.randomPKCECodeVerifier();
    const parameters = url({ scope: scopeOf(newDevice()), state: "s", code_challenge_method: "S256",
      code_challenge: await openid.calculatePKCECodeChallenge(verifier) });
    const { name } = await ask("newcomer");
    const where = openid.buildAuthorizationUrl(one.config, parameters).href;
    const went = await ask("authorize", { name, url: where, decision: "allow" });
    const checks = { pkceCodeVerifier: verifier, expectedState: "s" };
    await refuses(openid.authorizationCodeGrant(stolen.config, new URL(went.uri), checks), 400, "invalid_grant");
  });
}
