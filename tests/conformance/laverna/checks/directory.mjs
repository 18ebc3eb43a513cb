// Registering and looking people up (laverna.md §1, §2).

import assert from "node:assert/strict";
import { keyPair, OLD } from "../pgp.mjs";
import { Person } from "../person.mjs";
import { check } from "../report.mjs";

export function assertOpenToOtherOrigins({ headers }) {
  assert.equal(headers.get("access-control-allow-origin"), "*");
  assert.equal(headers.get("access-control-allow-credentials"), null);
  assert.equal(headers.get("set-cookie"), null);
}

// The application's own checks of a record (`Users.checkKey`), and that nothing was changed.
async function assertFound(answer, person) {
  assert.equal(answer.status, 200, answer.text);
  assertOpenToOtherOrigins(answer);
  assert.deepEqual(Object.keys(answer.json).sort(), ["fingerprint", "publicKey", "username"]);
  assert.equal(answer.json.publicKey, person.publicKey, "the key is served as it was uploaded");
  assert.equal(answer.json.username, person.username);
  assert.ok((await person.library.fingerprint(answer.json.publicKey)) === answer.json.fingerprint);
}

// Registers somebody and looks them up; the person, for the checks that follow.
export async function registered(server, use, as) {
  const person = await Person.made(server, use.library, use.kind);
  await check(`${use.library.name}, ${use.kind}: registers by ${as}, is found by name and fingerprint`, async () => {
    const answer = await person.register(as);
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(answer.json, { message: "Registered a new user." });
    assertOpenToOtherOrigins(answer);
    const fingerprint = await person.fingerprint();
    for (const path of [
      `/users/name/${person.username}`, `/users/name/${person.username.toUpperCase()}`,
      `/users/fingerprint/${fingerprint}`, `/users/fingerprint/${fingerprint.toUpperCase()}`,
    ]) await assertFound(await server.get(path), person);
  });
  return person;
}

export async function refusedRegistrations(server, somebody) {
  const { publicKey, username } = somebody;
  const fresh = await keyPair("P-256", { pair: async (made) => ({ publicKey: made.public, secret: made.private }) });
  const refused = {
    "no fields": {},
    "no name": { publicKey: fresh.publicKey },
    "an empty name": { username: "", publicKey: fresh.publicKey },
    "no key": { username: "somebodynew" },
    "a taken name": { username, publicKey: fresh.publicKey },
    "a taken name in capitals": { username: username.toUpperCase(), publicKey: fresh.publicKey },
    "a taken key": { username: "somebodynew", publicKey },
    "a room's name": { username: `${username}@device`, publicKey: fresh.publicKey },
    "no key at all": { username: "somebodynew", publicKey: "-----BEGIN PGP PUBLIC KEY BLOCK-----" },
    "a private key": { username: "somebodynew", publicKey: fresh.secret },
    "two keys": { username: "somebodynew", publicKey: `${fresh.publicKey}\n${publicKey}` },
    "a key of 1024 bits": { username: "somebodynew", publicKey: (await keyPair("RSA 1024", OLD)).publicKey },
  };
  for (const [what, fields] of Object.entries(refused)) {
    for (const as of ["form", "JSON"]) {
      await check(`${what} by ${as} is refused with a text`, async () => {
        const answer = await server.post("/users", fields, as);
        assert.equal(answer.status, 400, answer.text);
        assert.ok(answer.text.length > 0);
        assert.ok(!answer.text.includes("PRIVATE KEY"));
        assertOpenToOtherOrigins(answer);
      });
    }
  }
  await check("after all of that the name is still free, the key too", async () => {
    for (const path of ["/users/name/somebodynew", `/users/fingerprint/${"ab".repeat(20)}`]) {
      const answer = await server.get(path);
      assert.equal(answer.status, 404);
      assertOpenToOtherOrigins(answer);
    }
    const fields = { username: "somebodynew", publicKey: fresh.publicKey };
    assert.equal((await server.post("/users", fields)).status, 200);
  });
}

export async function crossOrigin(server) {
  for (const path of ["/users", "/auth", "/token/somebody", "/users/name/somebody"]) {
    await check(`a browser may ask ${path} before it asks`, async () => {
      const answer = await server.ask("OPTIONS", path, {
        headers: { "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-requested-with" },
      });
      assert.equal(answer.status, 204);
      assertOpenToOtherOrigins(answer);
      assert.match(answer.headers.get("access-control-allow-headers"), /x-requested-with/i);
      assert.match(answer.headers.get("access-control-allow-methods"), /POST/);
    });
  }
  await check("too large a key is 413, from another origin too", async () => {
    const answer = await server.post("/users", { username: "large", publicKey: "x".repeat(200_000) });
    assert.equal(answer.status, 413);
    assertOpenToOtherOrigins(answer);
  });
}
