// Apps made with matrix-js-sdk against the own client of these tests: each understands the other's codes and messages.

import assert from "node:assert/strict";
import { Ecies, QrCodeData, QrCodeIntent } from "@matrix-org/matrix-sdk-crypto-wasm";
import { createClient } from "matrix-js-sdk";
import { linkNewDeviceByGeneratingQR, signInByGeneratingQR } from "matrix-js-sdk/lib/rendezvous/index.js";
import { check } from "../../matrix/report.mjs";
import { existingDevice, newDeviceId, registered } from "../apps.mjs";
import { ask, baseUrl, serverName } from "../world.mjs";

const quiet = () => [() => {}, new AbortController().signal];
const text = (octets) => Buffer.from(octets).toString("base64");
const key = () => new Ecies().public_key();

async function sameCode(made, expected) {
  const { again, ...told } = await ask("read", { code: text(made.toBytes()) });
  assert.equal(again, text(made.toBytes()));
  assert.equal(told.public.replace(/=+$/, ""), made.publicKey.toBase64());
  const { public: _, ...rest } = told;
  assert.deepEqual(rest, { url: "", server_name: "", session_id: "", base_url: "", ...expected });
}

async function codes() {
  const url = `${baseUrl}/_matrix/client/unstable/org.matrix.msc4108/rendezvous/abc`;
  await sameCode(new QrCodeData(key(), url), { form: "2024", shown_by: "new", url });
  const named = { form: "2024", shown_by: "existing", url, server_name: serverName };
  await sameCode(new QrCodeData(key(), url, serverName), named);
  const session = { form: "current", session_id: "01M80NPYT1YZ8XWC4E3EKWRKZ2", base_url: baseUrl };
  for (const [intent, shown_by] of [[QrCodeIntent.Login, "new"], [QrCodeIntent.Reciprocate, "existing"]]) {
    const made = QrCodeData.newMsc4388(key(), session.session_id, baseUrl, intent);
    await sameCode(made, { ...session, shown_by });
  }
}

async function strangerSignsIn() {
  const existing = await existingDevice();
  const flow = await linkNewDeviceByGeneratingQR(existing.client, ...quiet());
  const [{ check_code: typed }] = await Promise.all([
    ask("scan_to_sign_in", { code: text(flow.code) }),
    flow.negotiateProtocols(),
  ]);
  assert.equal(typed, flow.checkCode);
  const { verificationUri } = await flow.deviceAuthorizationGrant();
  const [given] = await Promise.all([
    flow.shareSecrets(),
    ask("allow_stranger", { name: existing.name, url: verificationUri }),
  ]);
  const stranger = await ask("end");
  assert.deepEqual(stranger.secrets, { type: "m.login.secrets", ...JSON.parse(JSON.stringify(given.secrets)) });
  const device = await existing.client.getDevice(stranger.device_id);
  assert.match(device.display_name, /^Own client/);
  assert.match(stranger.device_id, /\/\+/);
}

async function strangerGrants() {
  const { name } = await ask("newcomer");
  const flow = await signInByGeneratingQR(createClient({ baseUrl }), ...quiet());
  const scanned = ask("scan_to_grant", { name, code: text(flow.code) });
  const [{ check_code: typed }, { serverName: homeserver }] = await Promise.all([scanned, flow.negotiateProtocols()]);
  assert.equal(typed, flow.checkCode);
  assert.equal(homeserver, baseUrl, "matrix-rust-sdk names a URL");
  const { metadata, clientId } = await registered(homeserver);
  const deviceId = newDeviceId();
  const { userCode } = await flow.deviceAuthorizationGrant({ metadata, clientId, deviceId });
  const [tokens] = await Promise.all([
    flow.completeLoginOnNewDevice({ clientId }),
    ask("tell", { user_code: userCode }),
  ]);
  const { secrets } = await flow.shareSecrets();
  assert.equal((await ask("end")).device_id, deviceId);
  assert.equal(secrets.type, "m.login.secrets");
  const who = await createClient({ baseUrl, accessToken: tokens.access_token }).whoami();
  assert.equal(who.device_id, deviceId);
  await flow.close();
}

export async function strangerChecks() {
  await check("both write the same QR codes", codes);
  await check("the own client is signed in by an app", strangerSignsIn);
  await check("the own client signs in an app", strangerGrants);
}
