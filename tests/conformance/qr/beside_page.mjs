// One device made with matrix-js-sdk, for a login whose other device is the page of the demonstration
// (tests/rendezvous/browser/test_sdk.py): `node beside_page.mjs existing|new shows|scans`. Says what it knows, a line
// of JSON each; the code to scan comes by the environment.

import "../matrix/report.mjs";
import { initAsync, QrCodeData } from "@matrix-org/matrix-sdk-crypto-wasm";
import { createClient, OAuth2 } from "matrix-js-sdk";
import {
  linkNewDeviceByGeneratingQR,
  MSC4108RendezvousSession,
  MSC4108SecureChannel,
  MSC4108SignInWithQR,
  signInByGeneratingQR,
} from "matrix-js-sdk/lib/rendezvous/index.js";

const [role, what] = process.argv.slice(2);
const { baseUrl, name, password, code, deviceId } = JSON.parse(process.env.LATCHKEY_PAGE);
const CLIENT = {
  client_name: "Messenger",
  client_uri: "https://app.example.com/",
  redirect_uris: ["https://app.example.com/callback"],
  application_type: "web",
};
const KEYS = { master_key: "bWFzdGVy", self_signing_key: "c2VsZg", user_signing_key: "dXNlcg" };

const tell = (facts) => process.stdout.write(`${JSON.stringify(facts)}\n`);
const failed = (reason) => tell({ failed: reason });
const never = new AbortController().signal;

async function signedIn() {
  const identifier = { type: "m.id.user", user: name };
  const told = await createClient({ baseUrl }).loginRequest({ type: "m.login.password", identifier, password });
  const own = { userId: told.user_id, deviceId: told.device_id, accessToken: told.access_token };
  const client = createClient({ baseUrl, ...own });
  client.getCrypto = () => ({ exportSecretsBundle: async () => ({ cross_signing: KEYS }) });
  return client;
}

// Element does not scan yet, but its SDK can: these are the lines an app would have.
function scanning(client) {
  const scanned = QrCodeData.fromBytes(Buffer.from(code, "base64"));
  const session = new MSC4108RendezvousSession({ url: scanned.rendezvousUrl, onFailure: failed });
  const channel = new MSC4108SecureChannel(session, scanned.publicKey, failed);
  return new MSC4108SignInWithQR(channel, true, client, failed);
}

async function asExisting() {
  const client = await signedIn();
  const flow = what === "scans" ? scanning(client) : await linkNewDeviceByGeneratingQR(client, failed, never);
  if (what === "shows") tell({ code: Buffer.from(flow.code).toString("base64") });
  await flow.negotiateProtocols();
  tell({ checkCode: flow.checkCode });
  const { verificationUri } = await flow.deviceAuthorizationGrant();
  tell({ verificationUri });
  await flow.shareSecrets();
  tell({ done: true });
}

async function asNew() {
  const asking = createClient({ baseUrl });
  const flow = what === "scans" ? scanning() : await signInByGeneratingQR(asking, failed, never);
  if (what === "shows") tell({ code: Buffer.from(flow.code).toString("base64") });
  await flow.negotiateProtocols();
  tell({ checkCode: flow.checkCode });
  const metadata = await asking.getAuthMetadata();
  const clientId = await OAuth2.registerClient(metadata, CLIENT);
  const { userCode } = await flow.deviceAuthorizationGrant({ metadata, clientId, deviceId });
  tell({ userCode });
  await flow.completeLoginOnNewDevice({ clientId });
  const { secrets } = await flow.shareSecrets();
  await flow.close();
  tell({ deviceId, keys: Object.keys(secrets.cross_signing) });
}

await initAsync();
await (role === "existing" ? asExisting() : asNew());
