// Every way in which a login ends early, as both devices see it.

import assert from "node:assert/strict";
import { check } from "../../matrix/report.mjs";
import { existingDevice, facing, newDeviceId } from "../apps.mjs";
import { connected, failedBy, granted, outcome } from "../logins.mjs";
import { ask, statuses } from "../world.mjs";

const DEVICES = "/_matrix/client/v3/devices/";

// As far as the page, and what both sides wait for while somebody looks at it.
async function atThePage(shown) {
  const existing = await existingDevice();
  const login = await connected(existing, shown);
  const grant = await granted(login);
  const waiting = () => ({
    existing: outcome(login.e.flow.shareSecrets()),
    new: outcome(login.n.flow.completeLoginOnNewDevice({ clientId: grant.clientId })),
  });
  return { existing, ...login, grant, waiting };
}

const both = async ({ existing, new: fresh }) => ({ existing: await existing, new: await fresh });

// Nothing is left of it: no device, and once the session is closed no slot.
async function leavesNothing({ existing, n, grant }) {
  await assert.rejects(existing.client.getDevice(grant.deviceId), { httpStatus: 404, errcode: "M_NOT_FOUND" });
  await n.flow.close();
  assert.equal((await fetch(n.session.url)).status, 404);
}

async function declined() {
  const made = await atThePage("existing");
  const ends = made.waiting();
  const { grant, existing } = made;
  await ask("follow", { name: existing.name, url: grant.verificationUri, code: grant.userCode, decision: "deny" });
  failedBy(await both(ends), "user_cancelled"); // the SDK's word for access_denied
  await leavesNothing(made);
}

async function expired() {
  const made = await atThePage("new");
  await ask("expire", { device_code: made.n.flow.grantInProgress.device_code });
  failedBy(await both(made.waiting()), "authorization_expired");
  const { name } = made.existing;
  const { found } = await ask("link", { name, code: made.grant.userCode, decision: "allow" });
  assert.equal(found, false, "nor can it be allowed any more");
  await leavesNothing(made);
}

async function taken(shown) {
  const existing = await existingDevice();
  const login = await connected(existing, shown);
  const deviceId = existing.client.getDeviceId();
  const refused = outcome(granted(login, deviceId));
  const { error } = await refused;
  assert.equal(error.code, "device_already_exists", error.stack);
  const told = await outcome(login.n.flow.completeLoginOnNewDevice({ clientId: "any" }));
  assert.equal(told.error.code, "device_already_exists", told.error.stack);
  assert.deepEqual(statuses("GET", DEVICES + deviceId), [200]);
  await login.n.flow.close();
  assert.equal((await existing.client.whoami()).device_id, deviceId, "and it goes on as it was");
}

// The person closes the window with the QR code before anybody scanned it.
async function abandoned() {
  const existing = await existingDevice();
  const { e, n } = await facing(existing, "existing");
  e.abort.abort();
  while ((await fetch(n.session.url)).status !== 404) await new Promise((resolve) => setTimeout(resolve, 50));
  const ends = await outcome(n.flow.negotiateProtocols());
  assert.ok(ends.error, "nobody answers the new device");
  assert.ok(n.session.cancelled);
}

async function cancelledByNew() {
  const made = await atThePage("existing");
  const { existing } = made.waiting();
  await made.n.flow.cancel("user_cancelled");
  const { error } = await existing;
  assert.ok(error, "the existing device does not wait for ever");
  assert.deepEqual([made.e.session.cancelled, made.e.failures], [true, ["unknown"]]);
  await leavesNothing(made);
}

async function cancelledByExisting() {
  const made = await atThePage("new");
  await made.e.flow.declineLoginOnExistingDevice();
  const { error } = await outcome(made.n.flow.completeLoginOnNewDevice({ clientId: made.grant.clientId }));
  assert.equal(error.code, "user_cancelled", error.stack);
  await leavesNothing(made);
}

export const refusedChecks = () =>
  Promise.all([
    check("the person denies on the page", declined),
    check("the authorization expires", expired),
    check("the device is there already, the existing one shows the QR code", () => taken("existing")),
    check("the device is there already, the new one shows the QR code", () => taken("new")),
    check("the QR code is taken away before it was scanned", abandoned),
    check("the new device gives up while the page is open", cancelledByNew),
    check("the existing device gives up before the page was opened", cancelledByExisting),
    check("a device that nobody approved is nowhere", async () => {
      const existing = await existingDevice();
      await assert.rejects(existing.client.getDevice(newDeviceId()), { httpStatus: 404, errcode: "M_NOT_FOUND" });
    }),
  ]);
