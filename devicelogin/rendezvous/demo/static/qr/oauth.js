// The OAuth 2.0 that both devices speak: what the server offers, registering, and the two ways to tokens.

import { base64url, random, utf8 } from "./bytes.js";
import { json } from "./requests.js";
import { Ended, pause } from "./slot.js";

const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";
const FORM = { "Content-Type": "application/x-www-form-urlencoded" };
const EARLY = 10_000; // milliseconds before its end that an access token is renewed
const PAUSE = 1000;

export class Server {
  constructor(requests, base, keeper) {
    Object.assign(this, { requests, base, keeper });
  }

  // What a program looks at before it offers the feature: the flag, and the device grant.
  async offersQrLogin() {
    const versions = json(await this.requests.ask("GET", `${this.base}/_matrix/client/versions`));
    if (!versions.unstable_features?.["org.matrix.msc4108"]) return false;
    this.metadata = json(await this.requests.ask("GET", `${this.base}/_matrix/client/v1/auth_metadata`));
    return Boolean(
      this.metadata.device_authorization_endpoint && this.metadata.grant_types_supported?.includes(DEVICE_GRANT),
    );
  }

  // A program says who it is, and gets an id. Saying the same again gives the same id.
  async register(name, grants, redirectUri) {
    const isLocal = this.base.startsWith("http:");
    const metadata = {
      client_name: name,
      client_uri: isLocal ? "https://demo.latchkey.example/" : `${this.base}/demo/qr/`,
      application_type: isLocal ? "native" : "web",
      token_endpoint_auth_method: "none",
      grant_types: grants,
      response_types: redirectUri ? ["code"] : [],
      ...(redirectUri && { redirect_uris: [isLocal ? redirectUri.replace(/:\d+\//, "/") : redirectUri] }),
    };
    const how = { headers: { "Content-Type": "application/json" }, body: JSON.stringify(metadata) };
    const answer = await this.requests.ask("POST", this.metadata.registration_endpoint, how);
    if (answer.status !== 201) throw new Ended("not_registered", json(answer).error_description ?? `${answer.status}`);
    return json(answer).client_id;
  }

  // --- The authorization code grant: the signed-in device signs in ---------------------------------

  // Where to send the browser, and what to remember until it is back.
  async authorization({ clientId, deviceId, redirectUri }) {
    const [state, verifier] = [base64url(random(16)), base64url(random(32))];
    const hashed = new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(verifier)));
    const query = new URLSearchParams({
      client_id: clientId,
      redirect_uri: redirectUri,
      response_type: "code",
      scope: scopeOf(deviceId),
      state,
      code_challenge: base64url(hashed),
      code_challenge_method: "S256",
    });
    return {
      url: `${this.metadata.authorization_endpoint}?${query}`,
      pending: { state, verifier, clientId, deviceId, redirectUri },
    };
  }

  async redeem(pending, code) {
    const { clientId, deviceId, redirectUri, verifier } = pending;
    const fields = {
      grant_type: "authorization_code",
      code,
      client_id: clientId,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    };
    const answer = await this.post(this.metadata.token_endpoint, fields);
    if (!answer.ok) throw new Ended("not_signed_in", json(answer).error_description ?? `${answer.status}`);
    return this.keep({ clientId, deviceId }, json(answer));
  }

  // --- The device grant: the new device is signed in -----------------------------------------------

  async askForDevice(clientId, deviceId, signal) {
    const fields = { client_id: clientId, scope: scopeOf(deviceId) };
    const answer = await this.post(this.metadata.device_authorization_endpoint, fields, signal);
    if (!answer.ok) throw new Ended("no_device_code", json(answer).error_description ?? `${answer.status}`);
    return json(answer);
  }

  // Asks until somebody has decided. Between two questions `meanwhile` runs, once a second; what it throws ends it.
  async waitForTokens({ clientId, deviceId, grant, meanwhile, signal }) {
    const fields = { grant_type: DEVICE_GRANT, device_code: grant.device_code, client_id: clientId };
    let interval = grant.interval ?? 5;
    for (;;) {
      const answer = await this.post(this.metadata.token_endpoint, fields, signal);
      const told = json(answer);
      if (answer.ok) return this.keep({ clientId, deviceId }, told);
      if (told.error === "slow_down") interval += 5;
      else if (told.error === "access_denied") throw new Ended("declined");
      else if (told.error === "expired_token") throw new Ended("authorization_expired");
      else if (told.error !== "authorization_pending" && answer.status === 400)
        throw new Ended("no_tokens", told.error_description);
      const next = Date.now() + interval * 1000;
      while (Date.now() < next) {
        await pause(Math.min(PAUSE, Math.max(0, next - Date.now())), signal);
        await meanwhile();
      }
    }
  }

  // --- With tokens ---------------------------------------------------------------------------------

  // Access tokens are short-lived here; the refresh token is spent with each renewal.
  async renew() {
    const { clientId, refreshToken, deviceId } = this.keeper.session;
    const answer = await this.post(this.metadata.token_endpoint, {
      grant_type: "refresh_token",
      refresh_token: refreshToken,
      client_id: clientId,
    });
    if (answer.ok) return this.keep({ clientId, deviceId }, json(answer));
    if (answer.status === 400 || answer.status === 401) this.keeper.forget(); // any other fault may pass
    throw new Ended("not_signed_in", json(answer).error_description ?? `${answer.status}`);
  }

  async get(path, signal) {
    if (this.keeper.session.until - EARLY < Date.now()) await this.renew();
    return this.getAsItIs(path, signal);
  }

  getAsItIs(path, signal) {
    const headers = { Authorization: `Bearer ${this.keeper.session.accessToken}` };
    return this.requests.ask("GET", `${this.base}/_matrix/client/v3/${path}`, { headers, signal });
  }

  // The user id, or null when the token is no good any more.
  async whoami() {
    const answer = await this.get("account/whoami");
    if (answer.ok) return json(answer).user_id;
    if (answer.status !== 401) throw new Ended("unreachable", `${answer.status}`);
    this.keeper.forget();
    return null;
  }

  async devices() {
    return json(await this.get("devices")).devices ?? [];
  }

  // Device ids may hold anything, slashes too.
  async device(id, signal) {
    return this.get(`devices/${encodeURIComponent(id)}`, signal);
  }

  async revoke() {
    const { clientId, refreshToken } = this.keeper.session;
    const fields = { token: refreshToken, client_id: clientId, token_type_hint: "refresh_token" };
    const answer = await this.post(this.metadata.revocation_endpoint, fields);
    if (!answer.ok) throw new Ended("unreachable", `${answer.status}`);
  }

  keep(who, told) {
    const until = Date.now() + told.expires_in * 1000;
    return this.keeper.keep({ ...who, accessToken: told.access_token, refreshToken: told.refresh_token, until });
  }

  post(url, fields, signal) {
    return this.requests.ask("POST", url, { headers: FORM, body: `${new URLSearchParams(fields)}`, signal });
  }
}

const scopeOf = (deviceId) => `urn:matrix:client:api:* urn:matrix:client:device:${deviceId}`;
