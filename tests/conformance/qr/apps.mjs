// Two apps made with matrix-js-sdk 43 and its cryptography: one is signed in, the other is to be.

import { accountUrl, ask, baseUrl, password, serverName } from "./world.mjs";
import { withKeys } from "./keys.mjs";
import { initAsync, QrCodeData } from "@matrix-org/matrix-sdk-crypto-wasm";
import { AutoDiscovery, createClient, OAuth2 } from "matrix-js-sdk";
import {
  MSC4108RendezvousSession,
  MSC4108SecureChannel,
  MSC4108SignInWithQR,
  linkNewDeviceByGeneratingQR,
  signInByGeneratingQR,
} from "matrix-js-sdk/lib/rendezvous/index.js";

await initAsync();

export const CLIENT = {
  client_name: "Messenger",
  client_uri: "https://app.example.com/",
  redirect_uris: ["https://app.example.com/callback"],
  application_type: "web",
};

let devices = 0;
export const newDeviceId = () => `QRDEVICE${process.pid}N${devices++}`;

// A client with cryptography that lives in memory. Its keys are kept by the homeserver, where there is a real one.
async function encrypting(userId, deviceId, accessToken) {
  const fetchFn = baseUrl === accountUrl ? withKeys(userId, deviceId) : fetch;
  const client = createClient({ baseUrl, userId, deviceId, accessToken, fetchFn });
  await client.initRustCrypto({ useIndexedDB: false });
  return client;
}

// A signed-in device of somebody new, with cross-signing keys and a backup: it has secrets to share.
export async function existingDevice() {
  const { name } = await ask("newcomer");
  const identifier = { type: "m.id.user", user: name };
  const login = { type: "m.login.password", identifier, password, initial_device_display_name: "Laptop" };
  const told = await createClient({ baseUrl }).loginRequest(login);
  const client = await encrypting(told.user_id, told.device_id, told.access_token);
  const crypto = client.getCrypto();
  await crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys: (upload) => upload(null) });
  await synced(client);
  await crypto.resetKeyBackup();
  return { name, client };
}

// What a client does after each sync with a homeserver: it uploads its keys and looks at those of its own devices.
async function synced(client) {
  const crypto = client.getCrypto();
  await crypto.markAllTrackedUsersAsDirty();
  await crypto.outgoingRequestsManager.doProcessOutgoingRequests();
}

// Whether a device sees another of the same account as signed by the account's keys.
export async function isSigned(client, deviceId) {
  await synced(client);
  const status = await client.getCrypto().getDeviceVerificationStatus(client.getUserId(), deviceId);
  return status?.signedByOwner ?? false;
}

// One side's flow, and what the SDK told it of a failure.
function side(flow, failures, abort, session) {
  return { flow, failures, abort, session };
}

async function generating(start, client) {
  const failures = [];
  const abort = new AbortController();
  const flow = await start(client, (reason) => failures.push(reason), abort.signal);
  return side(flow, failures, abort, flow.channel.rendezvousSession);
}

// Element does not scan yet, but its SDK can: these are the lines an app would have.
function scanning(code, client) {
  const failures = [];
  const failed = (reason) => failures.push(reason);
  const scanned = QrCodeData.fromBytes(code);
  const session = new MSC4108RendezvousSession({ url: scanned.rendezvousUrl, onFailure: failed });
  const channel = new MSC4108SecureChannel(session, scanned.publicKey, failed);
  return { ...side(new MSC4108SignInWithQR(channel, true, client, failed), failures, null, session), scanned };
}

// Both sides before their first message. `shown` is the side with the QR code: "existing" or "new".
export async function facing(existing, shown) {
  if (shown === "existing") {
    const e = await generating(linkNewDeviceByGeneratingQR, existing.client);
    return { e, n: scanning(e.flow.code) };
  }
  const n = await generating(signInByGeneratingQR, createClient({ baseUrl }));
  return { n, e: scanning(n.flow.code, existing.client) };
}

// The new device finds its homeserver by the name that the other side gave, as the specification says.
export async function homeserverOf(name) {
  const found = await AutoDiscovery.findClientConfig(name);
  return found["m.homeserver"].base_url.replace(/\/$/, "");
}

// A program of the new device, which has no client id yet; then the grant for a device of this id.
export async function registered(homeserver) {
  const metadata = await createClient({ baseUrl: homeserver }).getAuthMetadata();
  return { metadata, clientId: await OAuth2.registerClient(metadata, CLIENT) };
}

// The new device with its tokens: takes the secrets, uploads its keys and signs itself.
export async function settled(homeserver, tokens, secrets) {
  const asking = createClient({ baseUrl: homeserver, accessToken: tokens.access_token });
  const { user_id: userId, device_id: deviceId, is_guest: isGuest } = await asking.whoami();
  const client = await encrypting(userId, deviceId, tokens.access_token);
  await client.getCrypto().importSecretsBundle(secrets);
  await synced(client);
  return { client, userId, deviceId, isGuest };
}

export { serverName };
