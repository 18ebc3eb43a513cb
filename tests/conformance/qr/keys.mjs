// The part of a homeserver that keeps the keys of devices, which is not Latchkey's: enough for the SDK to sign a new
// device and for another to see that. test_synapse.py does the same with a real one.

const API = /^\/_matrix\/client\/(?:v3|r0|unstable)\//;
const accounts = new Map();

function account(userId) {
  const blank = { devices: {} };
  if (!accounts.has(userId)) accounts.set(userId, blank);
  return accounts.get(userId);
}

const answer = (status, body) =>
  new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });

const verbs = {
  "keys/upload"(who, deviceId, body) {
    if (body.device_keys) who.devices[deviceId] = body.device_keys;
    return answer(200, { one_time_key_counts: { signed_curve25519: 50 } });
  },
  "keys/device_signing/upload"(who, deviceId, { auth, ...keys }) {
    Object.assign(who, keys);
    return answer(200, {});
  },
  "keys/signatures/upload"(who, deviceId, body) {
    for (const [userId, signed] of Object.entries(body)) {
      for (const [name, object] of Object.entries(signed)) {
        const kept = who.devices[name] ?? who.master_key;
        for (const [signer, signatures] of Object.entries(object.signatures ?? {})) {
          kept.signatures = { ...kept.signatures, [signer]: { ...kept.signatures?.[signer], ...signatures } };
        }
      }
    }
    return answer(200, { failures: {} });
  },
  "keys/query"(who, deviceId, { device_keys: asked }) {
    const found = { device_keys: {}, master_keys: {}, self_signing_keys: {}, user_signing_keys: {} };
    for (const userId of Object.keys(asked)) {
      const { devices, master_key: master, self_signing_key: self, user_signing_key: user } = account(userId);
      found.device_keys[userId] = devices;
      if (master) found.master_keys[userId] = master;
      if (self) found.self_signing_keys[userId] = self;
      if (user) found.user_signing_keys[userId] = user;
    }
    return answer(200, found);
  },
};

// The one version of the backup; its rooms are empty.
function backup(who, method, body) {
  if (method === "POST") who.backup = { ...body, version: "1", count: 0, etag: "0" };
  return who.backup ? answer(200, who.backup) : notFound();
}

const notFound = () => answer(404, { errcode: "M_NOT_FOUND", error: "Not found" });

// The way to the server for a client of this device: keys and account data are kept here, all else is asked over HTTP.
export const withKeys = (userId, deviceId) => async (resource, options) => {
  const path = new URL(resource).pathname.replace(API, "");
  const body = typeof options.body === "string" ? JSON.parse(options.body) : {};
  if (verbs[path]) return verbs[path](account(userId), deviceId, body);
  if (path.startsWith("room_keys/version")) return backup(account(userId), options.method, body);
  return path.includes("account_data") ? notFound() : fetch(resource, options);
};
