// The steps of a login with both devices at once, for the checks to go as far as they want.

import { facing, homeserverOf, newDeviceId, registered, serverName } from "./apps.mjs";
import { baseUrl } from "./world.mjs";
import assert from "node:assert/strict";

// Steps 1 to 5: the channel stands, both sides show the same two digits, the new device knows its homeserver.
export async function connected(existing, shown) {
  const sides = await facing(existing, shown);
  const { e, n } = sides;
  const [, told] = await Promise.all([e.flow.negotiateProtocols(), n.flow.negotiateProtocols()]);
  assert.match(e.flow.checkCode, /^\d\d$/);
  assert.equal(n.flow.checkCode, e.flow.checkCode);
  const name = shown === "existing" ? n.scanned.serverName : told.serverName;
  assert.equal(name, serverName);
  const homeserver = await homeserverOf(name);
  assert.equal(homeserver, baseUrl);
  return { ...sides, homeserver };
}

// Steps 6 to 8: the new device has a grant, the other one a link to open. Rejects as the existing device does.
export async function granted({ e, n, homeserver }, deviceId = newDeviceId()) {
  const { metadata, clientId } = await registered(homeserver);
  const input = { metadata, clientId, deviceId };
  const [opened, begun] = await Promise.all([
    e.flow.deviceAuthorizationGrant(),
    n.flow.deviceAuthorizationGrant(input),
  ]);
  assert.equal(opened.verificationUri, begun.verificationUri);
  return { clientId, deviceId, verificationUri: opened.verificationUri, userCode: begun.userCode, metadata };
}

export const outcome = (promise) => promise.then((value) => ({ value }), (error) => ({ error }));

// Both ended by this reason, in the words of the SDK.
export function failedBy(ends, reason) {
  for (const [who, { error, value }] of Object.entries(ends)) {
    assert.ok(error, `${who} went on with ${JSON.stringify(value)}`);
    assert.equal(error.code ?? error.reason, reason, `${who}: ${error.stack}`);
  }
}
