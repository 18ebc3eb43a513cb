// A login from the picture to the secrets, in both directions, and what stands on the server afterwards.

import assert from "node:assert/strict";
import { check } from "../../matrix/report.mjs";
import { existingDevice, isSigned, newDeviceId, settled } from "../apps.mjs";
import { connected, granted } from "../logins.mjs";
import { accountUrl, ask, seen, statuses } from "../world.mjs";

// As matrix-rust-sdk makes them: an unpadded Curve25519 key, in which a slash and a plus are as likely as letters.
const AWKWARD = {
  existing: "wjLpTLRqbqBzLs63aYaEv2Boi6cFEbbM/sSRQ2oA+k4",
  new: "+a/b+//c+LRqbqBzLs63aYaEv2Boi6cFEbbMsSRQ2o",
};
const DEVICES = "/_matrix/client/v3/devices/";

export async function wholeLogin(existing, shown, deviceId = newDeviceId()) {
  const login = await connected(existing, shown);
  const { e, n, homeserver } = login;
  const grant = await granted(login, deviceId);
  assert.deepEqual(statuses("GET", DEVICES + encodeURIComponent(deviceId)), [404], "a pending grant makes no device");
  const sharing = e.flow.shareSecrets();
  const [tokens] = await Promise.all([
    n.flow.completeLoginOnNewDevice({ clientId: grant.clientId }),
    ask("follow", { name: existing.name, url: grant.verificationUri, code: grant.userCode, decision: "allow" }),
  ]);
  const { secrets } = await n.flow.shareSecrets();
  const given = await sharing;
  const url = n.session.url;
  await n.flow.close();
  assert.deepEqual([...e.failures, ...n.failures], []);
  return { e, n, url, grant, tokens, secrets, given: given.secrets, homeserver, deviceId };
}

// The new device is there, is the person's, and is signed by the keys that travelled.
async function stands(existing, { grant, tokens, secrets, given, url, homeserver, deviceId }) {
  const { type, ...received } = secrets;
  assert.equal(type, "m.login.secrets");
  assert.deepEqual(received, JSON.parse(JSON.stringify(given)));
  for (const key of ["master_key", "self_signing_key", "user_signing_key"]) {
    assert.match(received.cross_signing[key], /^[0-9A-Za-z+/]{43}$/);
  }
  assert.equal(received.backup.backup_version, "1");
  assert.deepEqual(statuses("GET", DEVICES + encodeURIComponent(deviceId)), [404, 200]);
  assert.equal((await fetch(url)).status, 404, "the new device closed the session");
  const fresh = await settled(homeserver, tokens, received);
  assert.deepEqual([fresh.userId, fresh.deviceId, fresh.isGuest], [existing.client.getUserId(), deviceId, false]);
  assert.equal(tokens.scope, `urn:matrix:client:api:* urn:matrix:client:device:${deviceId}`);
  assert.ok(tokens.refresh_token && tokens.expires_in <= 300);
  const row = await existing.client.getDevice(deviceId);
  assert.equal(row.device_id, deviceId);
  assert.match(row.display_name, /^Messenger\b/);
  assert.ok(row.last_seen_ts > Date.now() - 600_000);
  const mine = (await fresh.client.getDevices()).devices.map((device) => device.device_id);
  assert.deepEqual(mine.sort(), [existing.client.getDeviceId(), deviceId].sort());
  assert.ok(await isSigned(existing.client, deviceId), "the existing device sees the new one as signed");
  assert.ok(grant.verificationUri.startsWith(`${accountUrl}/link`));
  return fresh;
}

const both = (check) => Promise.all(["existing", "new"].map(check));

export async function wholeChecks() {
  const direct = both((shown) =>
    check(`a whole login, the ${shown} device shows the QR code`, async () => {
      const existing = await existingDevice();
      await stands(existing, await wholeLogin(existing, shown));
    }));
  const awkward = both((shown) =>
    check(`a device id with a slash and a plus, the ${shown} device shows the QR code`, async () => {
      const existing = await existingDevice();
      await stands(existing, await wholeLogin(existing, shown, AWKWARD[shown]));
      const path = seen.filter((one) => one.path.startsWith(DEVICES + encodeURIComponent(AWKWARD[shown])));
      assert.ok(path.length >= 2 && path.every((one) => one.path.includes("%2F") && one.path.includes("%2B")));
    }));
  await Promise.all([direct, awkward]);
}

// Slow, because it is two logins one after the other.
export async function chainChecks() {
  await check("a device that came by QR code signs in the next one", async () => {
    const first = await existingDevice();
    const second = await stands(first, await wholeLogin(first, "existing"));
    const existing = { name: first.name, client: second.client };
    const login = await wholeLogin(existing, "new");
    const third = await settled(login.homeserver, login.tokens, login.given);
    const all = (await third.client.getDevices()).devices.map((device) => device.device_id);
    assert.deepEqual(all.sort(), [first.client.getDeviceId(), second.deviceId, third.deviceId].sort());
  });
}
