// What Session desktop 1.0 to 1.6 does to log in to an open group server, step by step as its sources do it:
// libloki/crypto.js (decryptToken) and js/modules/loki_app_dot_net_api.js (getOrRefreshServerToken and below it).

import libsignal from "libsignal";

const IV_LENGTH = 16;

export class SessionClient {
  constructor(server, { profileName = null, keyPair = libsignal.curve.generateKeyPair() } = {}) {
    this.server = server;
    this.keyPair = keyPair;
    this.profileName = profileName;
    this.token = "";
    this.saved = "";          // Signal.Data's token of this server, kept over restarts of the app
    this.tokenPromise = null; // one token request at a time
    this.refreshes = 0;
  }

  get pubKey() {
    return this.keyPair.pubKey.toString("hex");
  }

  // A new start of the app: only what was saved is left.
  restart() {
    this.token = "";
  }

  decryptToken({ cipherText64, serverPubKey64 }) {
    const ivAndCiphertext = Buffer.from(cipherText64, "base64");
    const serverPubKey = Buffer.from(serverPubKey64, "base64");
    const symmetricKey = libsignal.curve.calculateAgreement(serverPubKey, this.keyPair.privKey);
    const iv = ivAndCiphertext.subarray(0, IV_LENGTH);
    return libsignal.crypto.decrypt(symmetricKey, ivAndCiphertext.subarray(IV_LENGTH), iv).toString("utf8");
  }

  async requestToken() {
    const answer = await this.server.ask("GET", `/loki/v1/get_challenge?${new URLSearchParams({ pubKey: this.pubKey })}`);
    return answer.ok ? this.decryptToken(answer.json) : null;
  }

  submit(token, { pubKey = this.pubKey, contentType = "application/json" } = {}) {
    const body = JSON.stringify({ pubKey, token });
    return this.server.ask("POST", "/loki/v1/submit_challenge", { body, headers: { "Content-Type": contentType } });
  }

  async refreshServerToken() {
    if (this.tokenPromise === null) {
      this.refreshes += 1;
      this.tokenPromise = (async () => {
        const token = await this.requestToken();
        return token && (await this.submit(token)).ok ? token : null;
      })();
    }
    const token = await this.tokenPromise;
    this.tokenPromise = null;
    return token;
  }

  async getOrRefreshServerToken(forceRefresh = false) {
    let token = "";
    if (!forceRefresh) {
      if (this.token) return this.token;
      token = this.saved;
    }
    if (!token) {
      token = await this.refreshServerToken();
      if (token) this.saved = token;
    }
    this.token = token;
    if (!token) return forceRefresh ? token : this.getOrRefreshServerToken(true);
    const answer = await this.server.ask("GET", "/token", { token });
    if (answer.ok && answer.json.data?.user) {
      if (this.profileName && answer.json.data.user.name !== this.profileName) await this.setProfileName();
    } else if (!forceRefresh && answer.json?.meta?.code === 401) {
      this.token = this.saved = "";
      return this.getOrRefreshServerToken(true);
    }
    return token;
  }

  setProfileName() {
    return this.server.ask("PATCH", "/users/me", { token: this.token, json: { name: this.profileName } });
  }

  whoAmI(token = this.token) {
    return this.server.ask("GET", "/token", { token });
  }
}

// An active token, by the short way of the phones.
export async function loggedIn(server) {
  const client = new SessionClient(server);
  client.token = client.saved = await client.refreshServerToken();
  if (!client.token) throw new Error("the login failed");
  return client;
}
