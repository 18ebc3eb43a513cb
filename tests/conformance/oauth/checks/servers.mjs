// What servers ask: introspection as a program with a secret. Synapse asks with a shared secret: test_servers.py.

import assert from "node:assert/strict";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { ask } from "../inside.mjs";
import { API, plain, plainProgram, program, signIn } from "../programs.mjs";
import { check } from "../report.mjs";

const introspect = async ({ as, client, auth }, token) => {
  const answer = await oauth.introspectionRequest(as, client, auth, token, plain);
  return oauth.processIntrospectionResponse(as, client, answer);
};

export async function serverChecks() {
  for (const method of ["client_secret_basic", "client_secret_post"]) {
    await check(`a program learns of its own token (${method})`, async () => {
      const made = await program({ token_endpoint_auth_method: method });
      const { tokens, name } = await signIn(made);
      const told = await openid.tokenIntrospection(made.config, tokens.access_token);
      assert.equal(told.active, true);
      assert.equal(told.username, name);
      assert.equal(told.client_id, made.config.clientMetadata().client_id);
      assert.ok(told.scope.split(" ").includes(API));
      assert.ok(told.scope.split(" ").includes("urn:matrix:org.matrix.msc2967.client:api:*"));
      assert.ok(told.expires_in <= 300 && told.exp > told.iat);
    });
  }
  await check("another program's token is a dead one", async () => {
    const { tokens } = await signIn(await program());
    const curious = await plainProgram({ token_endpoint_auth_method: "client_secret_basic" });
    assert.deepEqual(await introspect(curious, tokens.access_token), { active: false });
    assert.deepEqual(await introspect(curious, "never seen"), { active: false });
  });
  await check("a locked account's token is a dead one until it is unlocked", async () => {
    const made = await program({ token_endpoint_auth_method: "client_secret_basic" });
    const { tokens, name } = await signIn(made);
    await ask("lock", { name });
    assert.deepEqual(await openid.tokenIntrospection(made.config, tokens.access_token), { active: false });
    await ask("unlock", { name });
    assert.equal((await openid.tokenIntrospection(made.config, tokens.access_token)).active, true);
  });
  await check("a program without a secret, or with a wrong one, may not ask", async () => {
    const { tokens } = await signIn(await program());
    const made = await plainProgram({ token_endpoint_auth_method: "client_secret_basic" });
    for (const asking of [await plainProgram(), { ...made, auth: oauth.ClientSecretBasic("wrong") }]) {
      const failed = await introspect(asking, tokens.access_token).then(() => assert.fail(), (error) => error);
      assert.deepEqual([failed.code, failed.status], ["OAUTH_WWW_AUTHENTICATE_CHALLENGE", 401]);
    }
  });
}
