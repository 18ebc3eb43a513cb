// Metadata in both places, keys, and registration.

import assert from "node:assert/strict";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { inside, ISSUER } from "../inside.mjs";
import { DEVICE, metadata, options, plain, plainProgram, program } from "../programs.mjs";
import { check, refuses } from "../report.mjs";

export async function discoveryChecks() {
  for (const algorithm of ["oidc", "oauth2"]) {
    await check(`openid-client discovers the issuer (${algorithm})`, async () => {
      const config = await openid.discovery(ISSUER, "x", {}, openid.None(), { ...options, algorithm });
      const found = config.serverMetadata();
      assert.equal(found.issuer, ISSUER.href);
      assert.ok(found.supportsPKCE());
      assert.ok(found.grant_types_supported.includes(DEVICE));
    });
    await check(`oauth4webapi discovers the issuer (${algorithm})`, async () => {
      const answer = await oauth.discoveryRequest(ISSUER, { algorithm, ...plain });
      const found = await oauth.processDiscoveryResponse(ISSUER, answer);
      assert.equal(found.authorization_response_iss_parameter_supported, true);
    });
  }
  await check("the metadata is one document wherever it is asked for", async () => {
    const paths = [
      ".well-known/openid-configuration",
      ".well-known/oauth-authorization-server",
      "_matrix/client/v1/auth_metadata",
      "_matrix/client/unstable/org.matrix.msc2965/auth_metadata",
    ];
    const found = await Promise.all(paths.map(async (path) => (await inside(`${ISSUER}${path}`)).json()));
    for (const each of found) assert.deepEqual(each, found[0]);
  });
  await check("a program registers and is told what was kept", async () => {
    const { config } = await program({ grant_types: ["authorization_code", "implicit", "refresh_token"], novelty: 1 });
    const found = config.clientMetadata();
    assert.deepEqual([...found.grant_types].sort(), ["authorization_code", "refresh_token"]);
    assert.equal(found.novelty, undefined);
    assert.equal(found.client_secret, undefined);
    assert.equal(typeof found.client_id_issued_at, "number");
  });
  await check("the same metadata registers the same program", async () => {
    const said = metadata();
    const found = await Promise.all([plainProgram(said), plainProgram(said)]);
    assert.equal(found[0].client.client_id, found[1].client.client_id);
  });
  await check("a program that keeps a secret gets one, another each time", async () => {
    const said = metadata({ token_endpoint_auth_method: "client_secret_basic" });
    const found = [await plainProgram(said), await plainProgram(said)];
    assert.notEqual(found[0].client.client_id, found[1].client.client_id);
    assert.notEqual(found[0].client.client_secret, found[1].client.client_secret);
    assert.equal(found[0].client.client_secret_expires_at, 0);
  });
  await check("a device's program needs no redirect", async () => {
    const said = metadata({ grant_types: [DEVICE, "refresh_token"], redirect_uris: undefined, response_types: [] });
    const { client } = await plainProgram(said);
    assert.deepEqual(client.response_types, []);
    assert.equal(client.redirect_uris, undefined);
  });
  await check("a redirect to a foreign host is refused", () =>
    refuses(program({ redirect_uris: ["https://example.net/callback"] }), 400, "invalid_redirect_uri"));
  await check("a program of this very machine is refused", () =>
    refuses(program({ client_uri: "https://localhost" }), 400, "invalid_client_metadata"));
}
