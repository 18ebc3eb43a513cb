// What a client looks at before it shows the button.

import assert from "node:assert/strict";
import { createClient } from "matrix-js-sdk";
import { isSignInWithQRAvailable } from "matrix-js-sdk/lib/rendezvous/index.js";
import { check } from "../../matrix/report.mjs";
import { existingDevice, facing } from "../apps.mjs";
import { baseUrl } from "../world.mjs";

const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";

export async function offeredChecks() {
  await check("the SDK says that signing in by QR code can be had", async () => {
    const { client } = await existingDevice();
    assert.equal(await isSignInWithQRAvailable(client), true);
    assert.equal(await isSignInWithQRAvailable(createClient({ baseUrl })), true, "signed out too");
  });
  await check("the metadata pass the SDK's validator and name the device grant", async () => {
    const metadata = await createClient({ baseUrl }).getAuthMetadata();
    assert.ok(metadata.grant_types_supported.includes(DEVICE_GRANT));
    assert.equal(metadata.issuer, `${baseUrl}/`);
    for (const name of ["device_authorization", "token", "registration", "revocation", "authorization"]) {
      assert.ok(metadata[`${name}_endpoint`].startsWith(`${baseUrl}/`), name);
    }
  });
  await check("a session lives for minutes on the clock of the client", async () => {
    const { e } = await facing(await existingDevice(), "existing");
    const seconds = (e.session.expiresAt.getTime() - Date.now()) / 1000;
    assert.ok(seconds > 60 && seconds <= 301, `${seconds}`);
    assert.ok(e.session.url.startsWith(`${baseUrl}/_matrix/client/`), e.session.url);
    await e.flow.close();
    assert.equal((await fetch(e.session.url, { method: "DELETE" })).status, 404);
  });
}

// Where not everybody may open a session: these apps cannot say who they are.
export async function withheldChecks() {
  await check("the SDK says that signing in by QR code cannot be had", async () => {
    const { client } = await existingDevice();
    assert.equal(await isSignInWithQRAvailable(client), false);
    assert.equal(await isSignInWithQRAvailable(createClient({ baseUrl })), false);
  });
}
