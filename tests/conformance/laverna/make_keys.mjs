// node make_keys.mjs: makes keys.json anew. RSA keys take seconds each, and only openpgp 2.x makes a modulus of 2047
// bits when it is asked for 2048, for about every second key. The other keys are made by the test itself.

import { createRequire } from "node:module";
import { writeFileSync } from "node:fs";

const MADE = new Date("2020-02-02T00:00:00Z"); // so that a machine whose clock is behind finds them in the past
const Now = Date;
globalThis.Date = class extends Now {
  constructor(...given) {
    super(...(given.length ? given : [MADE.getTime()]));
  }
};
const old = createRequire(import.meta.url)("openpgp-2");
const openpgp = await import("openpgp");

const userIds = (name) => [{ name, email: `${name}@example.org` }];

async function historic(name, bits, numBits = 2048) {
  for (;;) {
    const { key } = await old.generateKey({ userIds: userIds(name), numBits, unlocked: true });
    if (key.primaryKey.mpi[0].data.bitLength() === bits) {
      return { made_by: "openpgp 2.5.14", public: key.toPublic().armor(), private: key.armor() };
    }
  }
}

async function large(name) {
  const made = await openpgp.generateKey({ type: "rsa", rsaBits: 4096, userIDs: userIds(name), date: MADE });
  return { made_by: "openpgp 6", public: made.publicKey, private: made.privateKey };
}

const keys = {
  note: "Test keys, public knowledge: made by make_keys.mjs for this folder's tests, and worth nothing elsewhere.",
  "RSA 1024": await historic("rsa1024", 1024, 1024),
  "RSA 2047": await historic("rsa2047", 2047),
  "RSA 2048": await historic("rsa2048", 2048),
  "RSA 4096": await large("rsa4096"),
};
writeFileSync(new URL("keys.json", import.meta.url), `${JSON.stringify(keys, null, 1)}\n`);
