// A person who uses apps made with matrix-js-sdk against the server at `baseUrl`.

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createClient, InteractiveAuth } from "matrix-js-sdk";

export const PASSWORD = "correct horse battery";

export const newName = () => `j${randomBytes(6).toString("hex")}`;

// What the operator of the installation can do: expire NAME's access tokens, find the link in a mail to ADDRESS.
export function operate(installation, verb, subject) {
  const [program, ...first] = JSON.parse(process.env.LATCHKEY_OPERATING);
  return execFileSync(program, [...first, installation.folder, installation.databaseUrl, verb, subject], {
    encoding: "utf8",
  }).trim();
}

// Goes through interactive auth as Element does: `proofs` holds what the person enters at each stage.
export function interact(matrixClient, doRequest, proofs, { inputs = {}, seen = () => {} } = {}) {
  return new Promise((resolve, reject) => {
    const auth = new InteractiveAuth({
      matrixClient,
      doRequest,
      inputs,
      requestEmailToken: (email, secret, attempt) => matrixClient.requestRegisterEmailToken(email, secret, attempt),
      async stateUpdated(stage, status) {
        seen(stage, auth.getStageParams(stage));
        if (status.errcode) return reject(new Error(`${stage}: ${status.errcode}`));
        if (!proofs[stage]) return reject(new Error(`no proof for ${stage}`));
        await proofs[stage](auth);
      },
    });
    auth.attemptAuth().then(resolve, reject);
  });
}

// The password stage, as a dialogue with the person enters it.
export const byPassword = (userId, password = PASSWORD) => ({
  "m.login.password": (auth) =>
    auth.submitAuthDict({ type: "m.login.password", identifier: { type: "m.id.user", user: userId }, password }),
});

// A new account, by the way of Element's registration form.
export async function registered(baseUrl, { name = newName(), password = PASSWORD } = {}) {
  const client = createClient({ baseUrl });
  const body = { username: name, password, refresh_token: true, initial_device_display_name: "Element" };
  const answer = await interact(client, (auth) => client.registerRequest({ ...body, auth: auth ?? undefined }), {});
  return { name, password, answer };
}

// A client with the credentials of a login or a registration; it refreshes if it was given a refresh token.
export function clientOf(baseUrl, answer, more = {}) {
  const client = createClient({
    baseUrl,
    userId: answer.user_id,
    deviceId: answer.device_id,
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token,
    tokenRefreshFunction: answer.refresh_token && (async (refreshToken) => {
      client.refreshes += 1;
      const fresh = await createClient({ baseUrl }).refreshToken(refreshToken);
      return {
        accessToken: fresh.access_token,
        refreshToken: fresh.refresh_token,
        expiry: new Date(Date.now() + fresh.expires_in_ms),
      };
    }),
    ...more,
  });
  client.refreshes = 0;
  return client;
}

export async function loggedIn(baseUrl, name, more = {}) {
  const identifier = { type: "m.id.user", user: name };
  return createClient({ baseUrl }).loginRequest({ type: "m.login.password", identifier, password: PASSWORD, ...more });
}
