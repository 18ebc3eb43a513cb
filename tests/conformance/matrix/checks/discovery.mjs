// What a client asks before anybody signs in.

import assert from "node:assert/strict";
import { createClient } from "matrix-js-sdk";
import { check, refuses } from "../report.mjs";
import { clientOf, newName, registered } from "../person.mjs";

export async function discoveryChecks({ baseUrl }) {
  const client = createClient({ baseUrl });
  await check("the server speaks a version that the SDK serves", async () => {
    assert.ok(await client.isVersionSupported("v1.1"));
    assert.ok(await client.doesServerSupportUnstableFeature("org.matrix.msc3882"));
  });
  await check("login by password and by token is offered", async () => {
    const { flows } = await client.loginFlows();
    assert.ok(flows.some(({ type }) => type === "m.login.password"));
    assert.ok(flows.some(({ type, get_login_token }) => type === "m.login.token" && get_login_token));
  });
  await check("a server with OAuth says so in the old place and the new, under its public name", async () => {
    const metadata = await (await fetch(`${baseUrl}/_matrix/client/v1/auth_metadata`)).json();
    assert.ok(metadata.grant_types_supported.includes("authorization_code"));
    const old = await fetch(`${baseUrl}/_matrix/client/unstable/org.matrix.msc2965/auth_metadata`);
    assert.deepEqual(await old.json(), metadata);
  });
  await check("a name is free until somebody has it", async () => {
    const name = newName();
    assert.equal(await client.isUsernameAvailable(name), true);
    await registered(baseUrl, { name });
    assert.equal(await client.isUsernameAvailable(name), false);
    await refuses(client.isUsernameAvailable("a b"), 400, "M_INVALID_USERNAME");
  });
  await check("capabilities say what cannot be changed", async () => {
    const { answer } = await registered(baseUrl);
    const capabilities = await clientOf(baseUrl, answer).getCapabilities();
    assert.equal(capabilities["m.change_password"].enabled, true);
    assert.equal(capabilities["m.get_login_token"].enabled, true);
    assert.equal(capabilities["m.set_avatar_url"].enabled, false);
  });
}
