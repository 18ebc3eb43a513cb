// Somebody with a name and a key, who does what the application's `Signal` model does.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { keyPair } from "./pgp.mjs";

export class Person {
  constructor(server, library, kind, pair, username) {
    Object.assign(this, { server, library, kind, pair, username });
  }

  static async made(server, library, kind, username = `u${randomBytes(6).toString("hex")}`) {
    return new Person(server, library, kind, await keyPair(kind, library), username);
  }

  // Registered, with a token.
  static async signedIn(...args) {
    const person = await Person.made(...args);
    assert.equal((await person.register()).status, 200);
    person.token = await person.freshToken();
    return person;
  }

  get publicKey() {
    return this.pair.publicKey;
  }

  fingerprint() {
    return this.library.fingerprint(this.publicKey);
  }

  sign(text) {
    return this.library.sign(text, this.pair);
  }

  register(as) {
    return this.server.post("/users", { username: this.username, publicKey: this.publicKey }, as);
  }

  async sessionToken(path = "/token") {
    const answer = await this.server.get(`${path}/${this.username}`);
    assert.equal(answer.status, 200, answer.text);
    return answer.json.sessionToken;
  }

  // The text the application signs; `changes` are what an attacker would say instead.
  async signature(changes = {}) {
    const sessionToken = changes.sessionToken ?? (await this.sessionToken());
    const { username, publicKey } = this;
    return this.sign(JSON.stringify({ sessionToken, msg: "SIGNAL_AUTH_REQUEST", username, publicKey, ...changes }));
  }

  async answer(signature, as) {
    return this.server.post("/auth", { signature, fingerprint: await this.fingerprint(), username: this.username }, as);
  }

  async signIn(as) {
    return this.answer(await this.signature(), as);
  }

  async freshToken() {
    const { json } = await this.signIn();
    assert.equal(json.success, true, JSON.stringify(json));
    return json.token;
  }
}
