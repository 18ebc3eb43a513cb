// Refresh: a new pair each time, a lost answer, reuse; and revocation.

import assert from "node:assert/strict";
import * as openid from "openid-client";
import { ask } from "../inside.mjs";
import { livesAtMatrix, newDevice, program, scopeOf, signIn } from "../programs.mjs";
import { check, refuses } from "../report.mjs";

export async function refreshChecks() {
  await check("a refresh gives another pair of the same scope", async () => {
    const made = await program();
    const { tokens, scope } = await signIn(made);
    const fresh = await openid.refreshTokenGrant(made.config, tokens.refresh_token);
    assert.equal(fresh.scope, scope);
    assert.notEqual(fresh.refresh_token, tokens.refresh_token);
    assert.ok(await livesAtMatrix(fresh.access_token));
    assert.ok(!(await livesAtMatrix(tokens.access_token)));
  });
  await check("a refresh of an OpenID session gives an ID token of the same person", async () => {
    const made = await program();
    const parameters = { scope: scopeOf(newDevice(), "openid"), nonce: "n" };
    const { tokens } = await signIn(made, { parameters, checks: { expectedNonce: "n", idTokenExpected: true } });
    const fresh = await openid.refreshTokenGrant(made.config, tokens.refresh_token);
    if (fresh.id_token !== undefined) assert.equal(fresh.claims().sub, tokens.claims().sub);
  });
  await check("an answer that was lost is given again, and the first one dies", async () => {
    const made = await program();
    const { tokens } = await signIn(made);
    const lost = await openid.refreshTokenGrant(made.config, tokens.refresh_token);
    const fresh = await openid.refreshTokenGrant(made.config, tokens.refresh_token);
    assert.ok(!(await livesAtMatrix(lost.access_token)));
    assert.ok(await livesAtMatrix(fresh.access_token));
    await refuses(openid.refreshTokenGrant(made.config, lost.refresh_token), 400, "invalid_grant");
  });
  await check("a spent refresh token that comes again ends the session", async () => {
    const made = await program();
    const { tokens } = await signIn(made);
    const fresh = await openid.refreshTokenGrant(made.config, tokens.refresh_token);
    assert.ok(await livesAtMatrix(fresh.access_token));
    await ask("age", { token: tokens.refresh_token });
    await refuses(openid.refreshTokenGrant(made.config, tokens.refresh_token), 400, "invalid_grant");
    assert.ok(!(await livesAtMatrix(fresh.access_token)));
    await refuses(openid.refreshTokenGrant(made.config, fresh.refresh_token), 400, "invalid_grant");
  });
  for (const kind of ["access_token", "refresh_token"]) {
    await check(`revoking the ${kind} ends the session, and may be said again`, async () => {
      const made = await program();
      const { tokens } = await signIn(made);
      await openid.tokenRevocation(made.config, tokens[kind]);
      assert.ok(!(await livesAtMatrix(tokens.access_token)));
      await refuses(openid.refreshTokenGrant(made.config, tokens.refresh_token), 400, "invalid_grant");
      await openid.tokenRevocation(made.config, tokens[kind], { token_type_hint: kind });
      await openid.tokenRevocation(made.config, "never seen");
    });
  }
}
