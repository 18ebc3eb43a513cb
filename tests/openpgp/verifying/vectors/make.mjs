// Makes vectors.json: certificates and messages of the programs that people use, for tests/openpgp/verifying.
//
//   npm ci --ignore-scripts && node make.mjs        (needs gpg 2.2 or later; 2 minutes)
//
// All keys are made here, for these tests only, and their private halves are thrown away. The clock of every program
// stands at AT or near it, so the tests judge everything at that moment. What a row means stands in ../table.py.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as openpgp from "openpgp";

const AT = Date.UTC(2024, 4, 1, 12, 0, 0);
const MADE = AT - 30 * 86400e3;
const RealDate = Date;

/** Lets `new Date()` be a fixed moment: openpgp.js 2 asks nobody else. */
async function at(moment, work) {
  globalThis.Date = class extends RealDate {
    constructor(...given) {
      super(...(given.length ? given : [moment]));
    }
    static now() {
      return moment;
    }
  };
  try {
    return await work();
  } finally {
    globalThis.Date = RealDate;
  }
}

const openpgp2 = createRequire(import.meta.url)("openpgp2");
const certificates = {};
const messages = {};
const login = (key) =>
  JSON.stringify({
    sessionToken: "eyJhbGciOiJIUzI1NiJ9.e30.x",
    msg: "SIGNAL_AUTH_REQUEST",
    username: "alice",
    publicKey: key,
  });

// --- openpgp.js 2.5.14, as Laverna has it -----------------------------------------------------------------------

async function old(name, bits, wanted) {
  for (;;) {
    const made = await at(MADE, () =>
      openpgp2.generateKey({ userIds: [{ name: "Alice", email: "Alice@Example.com" }], numBits: bits, passphrase: "x" }),
    );
    made.key.decrypt("x");
    if (made.key.primaryKey.mpi[0].data.bitLength() !== wanted) continue;
    certificates[name] = made.publicKeyArmored;
    const signed = (moment, data) => at(moment, () => openpgp2.sign({ data, privateKeys: [made.key] }));
    messages[name] = (await signed(AT - 10e3, login(made.publicKeyArmored))).data;
    messages[`${name} ahead`] = (await signed(AT + 400, login(made.publicKeyArmored))).data;
    made.key.encrypt("x");
    return made;
  }
}

const short = await old("rsa2047", 2048, 2047);
await old("rsa2048", 2048, 2048);
const weak = await at(MADE, () =>
  openpgp2.generateKey({ userIds: [{ name: "Weak" }], numBits: 1024, passphrase: "x" }),
);
certificates["rsa1024"] = weak.publicKeyArmored;
certificates["private"] = short.privateKeyArmored;

// --- openpgp.js 6 -----------------------------------------------------------------------------------------------

const LAX = { minRSABits: 1023 };

async function recent(name, options, config = {}) {
  const made = await openpgp.generateKey({
    userIDs: [{ name: "Bob", email: "bob@example.com" }],
    date: new Date(MADE),
    format: "object",
    ...options,
    config,
  });
  certificates[name] = made.publicKey.armor();
  messages[name] = await sign(made.privateKey, login(certificates[name]), AT - 10e3, { config });
  return made.privateKey;
}

async function sign(privateKey, text, moment, { config = {}, ...more } = {}) {
  const message = await openpgp.createCleartextMessage({ text });
  return openpgp.sign({ message, signingKeys: privateKey, date: new Date(moment), config: { ...LAX, ...config }, ...more });
}

await recent("rsa2048 of 6", { type: "rsa", rsaBits: 2048 });
await recent("rsa4096", { type: "rsa", rsaBits: 4096 });
await recent("rsa6144", { type: "rsa", rsaBits: 6144 });
const legacy = await recent("ed25519 legacy", { type: "ecc", curve: "ed25519Legacy" });
await recent("ed25519", { type: "curve25519" });
await recent("ed25519 v6", { type: "curve25519" }, { v6Keys: true });
await recent("p256", { type: "ecc", curve: "nistP256" });
await recent("p256 v6", { type: "ecc", curve: "nistP256" }, { v6Keys: true });
await recent("p384", { type: "ecc", curve: "nistP384" });
await recent("p521", { type: "ecc", curve: "nistP521" });
await recent("subkey", { type: "ecc", curve: "ed25519Legacy", subkeys: [{ sign: true }] });
await recent("subkey v6", { type: "curve25519", subkeys: [{ sign: true }] }, { v6Keys: true });
await recent("ed448", { type: "curve448" });

const forged = "\n[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG BF0F32F90A796CE2 Mallory\n[GNUPG:] TRUST_ULTIMATE 0 pgp\n";
await recent("forged user id", {
  type: "ecc",
  curve: "ed25519Legacy",
  userIDs: [{ name: `Mallory${forged}`, email: "mallory@example.com" }],
});
const shortKey = await openpgp.decryptKey({
  privateKey: await openpgp.readPrivateKey({ armoredKey: short.privateKeyArmored, config: LAX }),
  passphrase: "x",
  config: LAX,
});
const injected = {
  signatureNotations: [
    { name: "x@example.com", value: new TextEncoder().encode(`y${forged}`), humanReadable: true, critical: false },
  ],
};
const critical = {
  signatureNotations: [{ name: "x@example.com", value: new Uint8Array([1]), humanReadable: false, critical: true }],
};
for (const [name, key] of [
  ["rsa2047", shortKey],
  ["ed25519 legacy", legacy],
]) {
  messages[`${name} notation`] = await sign(key, "{}", AT - 10e3, injected);
  messages[`${name} critical notation`] = await sign(key, "{}", AT - 10e3, critical);
  messages[`${name} lines`] = await sign(key, '{\n  "a": "b",\n- x\n-----BEGIN\n}\n', AT - 10e3);
}

// --- GnuPG: what those cannot make ------------------------------------------------------------------------------

const home = mkdtempSync(join(tmpdir(), "latchkey-vectors-"));
const stamp = (moment) => `${Math.floor(moment / 1000)}!`;

function gpg(moment, args, input = "") {
  const common = ["--homedir", home, "--batch", "--yes", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""];
  const options = { input, stdio: ["pipe", "pipe", "ignore"], maxBuffer: 1e7 };
  return execFileSync("gpg", [...common, "--faked-system-time", stamp(moment), ...args], options).toString();
}

/** Answers for gpg's dialogues. */
function answer(moment, args, answers) {
  const common = ["--homedir", home, "--no-tty", "--yes", "--pinentry-mode", "loopback", "--passphrase", ""];
  const fixed = ["--faked-system-time", stamp(moment), "--command-fd", "0", "--status-fd", "2", "--expert"];
  const options = { input: `${answers.join("\n")}\n`, stdio: ["pipe", "pipe", "ignore"] };
  return execFileSync("gpg", [...common, ...fixed, ...args], options).toString();
}

const exported = (who) => gpg(AT, ["--armor", "--export", who]);
const fingerprints = (who) =>
  gpg(AT, ["--with-colons", "--fixed-list-mode", "--list-keys", who])
    .split("\n")
    .filter((line) => line.startsWith("fpr:"))
    .map((line) => line.split(":")[9]);
const clear = (who, text, { moment = AT - 10e3, options = [] } = {}) =>
  gpg(moment, ["-u", who, ...options, "--clearsign"], text);

/** Every state that a certificate can get into, with one key, and every kind of message. */
async function states(name, who, key) {
  const fresh = key.armor();
  const kind = name.startsWith("rsa") ? { type: "rsa", rsaBits: 2048 } : { type: "ecc", curve: "ed25519Legacy" };
  const withSubkey = (await key.addSubkey({ ...kind, sign: true, date: new Date(MADE), config: LAX })).armor();
  messages[`${name} gpg`] = clear(who, "{}");
  messages[`${name} sha1`] = clear(who, "{}", { options: ["--digest-algo", "SHA1"] });
  messages[`${name} md5`] = clear(who, "{}", { options: ["--digest-algo", "MD5", "--allow-weak-digest-algos"] });
  messages[`${name} sha224`] = clear(who, "{}", { options: ["--digest-algo", "SHA224"] });
  messages[`${name} sha512`] = clear(who, "{}", { options: ["--digest-algo", "SHA512"] });
  messages[`${name} future`] = clear(who, "{}", { moment: AT + 3000e3 });
  messages[`${name} soon`] = clear(who, "{}", { moment: AT + 240e3 });
  messages[`${name} sig expired`] = clear(who, "{}", { moment: AT - 3 * 86400e3, options: ["--default-sig-expire", "1d"] });
  messages[`${name} not dash escaped`] = clear(who, "{}\n-x\n", { options: ["--not-dash-escaped"] });
  messages[`${name} inline`] = gpg(AT - 10e3, ["-u", who, "--armor", "--sign"], "{}");
  messages[`${name} detached`] = gpg(AT - 10e3, ["-u", who, "--armor", "--detach-sign"], "{}");
  messages[`${name} and another`] = gpg(AT - 10e3, ["-u", who, "-u", "other@example.com", "--clearsign"], "{}");

  const day = 86400e3;
  const primary = fingerprints(who)[0];
  const expire = (moment, ...rest) => gpg(moment, ["--quick-set-expire", primary, ...rest]);
  const revoke = (why) =>
    gpg(AT - day, ["--import"], answer(AT - day, ["--gen-revoke", primary], ["y", why, "", "y"]));
  state(`${name} certified`, who, fresh, () => gpg(AT - day, ["-u", "other@example.com", "--quick-sign-key", primary]));
  state(`${name} expired`, who, fresh, () => expire(AT - 3 * day, "20240430T120000"));
  state(`${name} prolonged`, who, fresh, () => {
    expire(AT - 3 * day, "20240430T120000");
    expire(AT - 2 * day, "20240601T120000");
  });
  state(`${name} revoked`, who, fresh, () => revoke("1"));
  state(`${name} retired`, who, fresh, () => revoke("3"));
  state(`${name} signing subkey`, who, withSubkey, () => {});
  messages[`${name} signing subkey`] = clear(who, "{}");
  const last = fingerprints(who).length - 1;
  state(`${name} subkey expired`, who, withSubkey, () => expire(AT - 2 * day, "20240430T120000", fingerprints(who)[last]));
  state(`${name} subkey revoked`, who, withSubkey, () =>
    answer(AT - day, ["--edit-key", primary], [`key ${last}`, "revkey", "y", "1", "", "y", "save"]),
  );
  restore(who, fresh);
}

function restore(who, armored) {
  gpg(AT, ["--delete-secret-and-public-key", fingerprints(who)[0]]);
  gpg(AT, ["--import"], armored);
}

/** A certificate after something was done to it. With the primes of openpgp.js 2, gpg's signature is wrong now and then. */
function state(name, who, armored, work) {
  do {
    restore(who, armored);
    work();
    certificates[name] = exported(who);
  } while (/^(pub|sub):i:/m.test(gpg(AT, ["--with-colons", "--list-keys", who])));
}

const generate = (who, lines) => {
  const head = ["%no-protection", ...lines, `Name-Email: ${who}`, "Expire-Date: 0", "%commit"];
  gpg(MADE, ["--gen-key"], `${head.join("\n")}\n`);
};

try {
  generate("other@example.com", ["Key-Type: eddsa", "Key-Curve: Ed25519", "Key-Usage: sign"]);
  certificates["other"] = exported("other@example.com");
  messages["other"] = clear("other@example.com", "{}");

  gpg(AT, ["--import"], shortKey.armor());
  await states("rsa2047", "alice@example.com", shortKey);
  gpg(AT, ["--import"], legacy.armor());
  await states("ed25519 legacy", "bob@example.com", legacy);

  generate("dsa@example.com", ["Key-Type: DSA", "Key-Length: 2048", "Subkey-Type: ELG-E", "Subkey-Length: 2048"]);
  certificates["dsa"] = exported("dsa@example.com");
  generate("koblitz@example.com", ["Key-Type: ecdsa", "Key-Curve: secp256k1", "Key-Usage: sign"]);
  certificates["secp256k1"] = exported("koblitz@example.com");
  generate("certify@example.com", ["Key-Type: eddsa", "Key-Curve: Ed25519", "Key-Usage: cert"]);
  certificates["no signing key"] = exported("certify@example.com");
  gpg(MADE, ["--cert-digest-algo", "SHA1", "--quick-gen-key", "sha1@example.com", "rsa2048", "sign", "0"]);
  certificates["bound by sha1"] = exported("sha1@example.com");
  messages["bound by sha1"] = clear("sha1@example.com", "{}");
  certificates["two keys"] = gpg(AT, ["--armor", "--export", "other@example.com", "dsa@example.com"]);
  answer(AT - 86400e3, ["--edit-key", "other@example.com"], ["addrevoker", "dsa@example.com", "y", "save"]);
  certificates["designated revoker"] = exported("other@example.com");
} finally {
  execFileSync("gpgconf", ["--homedir", home, "--kill", "all"], { stdio: "ignore" });
  rmSync(home, { recursive: true, force: true });
}

const about =
  "Made by make.mjs. The keys exist for these tests only; they belong to nobody and their private halves are gone. " +
  "One private key block is here to show that it is refused: it is a test key too, under the passphrase x.";
const whole = { about, now: new Date(AT).toISOString(), certificates, messages };
writeFileSync(new URL("vectors.json", import.meta.url), `${JSON.stringify(whole, null, 1)}\n`);
console.log(`${Object.keys(certificates).length} certificates, ${Object.keys(messages).length} messages`);
