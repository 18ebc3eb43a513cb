// The login itself: messages m.login.* inside the channel, and what each device asks the server in between.

import { base64, random } from "./bytes.js";
import { json } from "./requests.js";
import { Ended, pause } from "./slot.js";

const GRANT = "device_authorization_grant";
const LOOKS = 10; // once a second: how long the signed-in device looks for the new one

// The new device. `page` shows things and asks the person; resolves to the secrets that came.
export async function signIn({ pairing, server, page, deviceId, isOurs, signal }) {
  const homeserver = pairing.isGenerator ? await offered(pairing, page) : pairing.homeserver;
  if (!pairing.isGenerator) page.compare(pairing.checkCode);
  if (!isOurs(homeserver)) {
    await pairing.fail("user_cancelled");
    throw new Ended("elsewhere", homeserver);
  }
  const clientId = await server.register(page.clientName, [
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:device_code",
  ]);
  const grant = await server.askForDevice(clientId, deviceId, signal);
  const { verification_uri, verification_uri_complete } = grant;
  const links = { verification_uri, ...(verification_uri_complete && { verification_uri_complete }) };
  await pairing.send({ type: "m.login.protocol", protocol: GRANT, [GRANT]: links, device_id: deviceId });
  await pairing.receive("m.login.protocol_accepted");
  page.showUserCode(grant.user_code);
  await tokens({ pairing, server, clientId, deviceId, grant, signal });
  page.working("The tokens are here.");
  await pairing.send({ type: "m.login.success" });
  const secrets = await pairing.receive("m.login.secrets");
  await pairing.slot.close();
  return secrets;
}

// The device that showed the code trusts nothing before the person has compared.
async function offered(pairing, page) {
  await page.typeCheckCode(pairing);
  const { protocols, homeserver, base_url } = await pairing.receive("m.login.protocols");
  if (protocols?.includes(GRANT)) return base_url ?? homeserver ?? "";
  await pairing.fail("unsupported_protocol");
  throw new Ended("unsupported_protocol");
}

// The person decides at another device; meanwhile that one may give up.
async function tokens({ pairing, server, clientId, deviceId, grant, signal }) {
  const meanwhile = () => pairing.received(); // whatever comes now is an end
  try {
    await server.waitForTokens({ clientId, deviceId, grant, meanwhile, signal });
  } catch (error) {
    if (error.reason === "declined") await pairing.tell({ type: "m.login.declined" });
    if (error.reason === "authorization_expired") await pairing.fail("authorization_expired");
    throw error;
  }
}

// The signed-in device. `onApproval` hears of the page that was opened. Resolves to the id of the new device.
export async function vouch({ pairing, server, page, homeserver, onApproval, signal }) {
  if (pairing.isGenerator) {
    await page.typeCheckCode(pairing);
  } else {
    page.compare(pairing.checkCode);
    await pairing.send({ type: "m.login.protocols", protocols: [GRANT], homeserver });
  }
  const asked = await pairing.receive("m.login.protocol");
  const links = asked.protocol === GRANT && asked[GRANT];
  if (!links || typeof asked.device_id !== "string") return refuse(pairing, "unsupported_protocol");
  const found = await server.device(asked.device_id, signal);
  if (found.status !== 404) return refuse(pairing, "device_already_exists");
  const link = links.verification_uri_complete ?? links.verification_uri;
  if (!`${link}`.startsWith(`${server.base}/`)) return refuse(pairing, "unable_to_open_verification_uri");
  await page.openApproval(link, asked.device_id);
  onApproval(link);
  await pairing.send({ type: "m.login.protocol_accepted" });
  await pairing.receive("m.login.success");
  page.working("The new device says that it is signed in. Looking for it among the devices of the account …");
  if (!(await appeared(server, asked.device_id, signal))) return refuse(pairing, "device_not_found");
  await pairing.send({ type: "m.login.secrets", ...madeUpSecrets() });
  return asked.device_id;
}

async function refuse(pairing, reason) {
  await pairing.fail(reason);
  throw new Ended(reason);
}

async function appeared(server, deviceId, signal) {
  for (let look = 0; look < LOOKS; look += 1) {
    const answer = await server.device(deviceId, signal);
    if (answer.status === 200) return json(answer).device_id === deviceId;
    await pause(1000, signal);
  }
  return false;
}

// A real device sends the keys of the person's account. This page has none, and makes some up to show that they arrive.
function madeUpSecrets() {
  const key = () => base64(random(32));
  return { cross_signing: { master_key: key(), self_signing_key: key(), user_signing_key: key() } };
}
