// The two OpenPGP libraries, used as the Laverna application of their time uses them (its `Encryption` model).

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import * as openpgp from "openpgp";

const old = createRequire(import.meta.url)("openpgp-2");
old.config.compression = 0;
old.config.use_native = false;

const KEPT = JSON.parse(readFileSync(new URL("keys.json", import.meta.url), "utf8"));

// Each: `pair(armored)` → a key pair, `sign(text, pair)` → a cleartext message, `verify(signed, publicKey)` → the text
// that a key signed, or null; `fingerprint(publicKey)` as the application compares it.

export const OLD = {
  name: "openpgp 2.5.14",
  async pair({ public: publicKey, private: privateKey }) {
    return { publicKey, own: old.key.readArmored(privateKey).keys[0] };
  },
  async sign(text, { own }) {
    return (await old.sign({ data: text, privateKeys: [own] })).data;
  },
  async verify(signed, publicKey) {
    const message = old.cleartext.readArmored(signed);
    const { data, signatures } = await old.verify({ message, publicKeys: old.key.readArmored(publicKey).keys });
    return signatures.length === 1 && signatures[0].valid ? data : null;
  },
  async fingerprint(publicKey) {
    return old.key.readArmored(publicKey).keys[0].primaryKey.fingerprint;
  },
};

export const NEW = {
  name: "openpgp 6",
  async pair({ public: publicKey, private: armoredKey }) {
    return { publicKey, own: await openpgp.readPrivateKey({ armoredKey }) };
  },
  async sign(text, { own }) {
    const message = await openpgp.createCleartextMessage({ text });
    return openpgp.sign({ message, signingKeys: own });
  },
  async verify(signed, publicKey) {
    const message = await openpgp.readCleartextMessage({ cleartextMessage: signed });
    const verificationKeys = await openpgp.readKey({ armoredKey: publicKey });
    // What openpgp 2.x signs is up to half a second ahead.
    const date = new Date(Date.now() + 5000);
    const { data, signatures } = await openpgp.verify({ message, verificationKeys, date });
    return signatures.length === 1 && (await signatures[0].verified.catch(() => false)) ? data : null;
  },
  async fingerprint(publicKey) {
    return (await openpgp.readKey({ armoredKey: publicKey })).getFingerprint();
  },
};

const MADE_NOW = {
  "Ed25519 (22)": { type: "ecc", curve: "ed25519Legacy" },
  "Ed25519 (27)": { type: "curve25519" },
  "P-256": { type: "ecc", curve: "nistP256" },
};

// A key pair: one of those that are kept, or a new one.
export async function keyPair(kind, library) {
  if (kind in KEPT) return library.pair(KEPT[kind]);
  const userIDs = [{ name: "somebody", email: "somebody@example.org" }];
  const made = await openpgp.generateKey({ ...MADE_NOW[kind], userIDs });
  return library.pair({ public: made.publicKey, private: made.privateKey });
}

// Which library can use which key.
export const USES = [
  ...["RSA 2047", "RSA 2048", "RSA 4096"].map((kind) => ({ kind, library: OLD })),
  ...["RSA 2047", "RSA 2048", "RSA 4096", ...Object.keys(MADE_NOW)].map((kind) => ({ kind, library: NEW })),
];
