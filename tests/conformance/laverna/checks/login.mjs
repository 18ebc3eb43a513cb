// Session token and login (laverna.md §3, §4).

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { BODIES } from "../server.mjs";
import { Person } from "../person.mjs";
import { NEW } from "../pgp.mjs";
import { check } from "../report.mjs";
import { assertOpenToOtherOrigins } from "./directory.mjs";

const refused = (message) => ({ success: false, message });
const INVALID = refused("Invalid signature");

export const payload = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url"));

function assertSays(answer, body) {
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.json, body);
  assertOpenToOtherOrigins(answer);
}

export async function signsIn(person, bodies = Object.keys(BODIES)) {
  const who = `${person.library.name}, ${person.kind}`;
  for (const as of bodies) {
    await check(`${who}: signs in by ${as}`, async () => {
      const answer = await person.signIn(as);
      assertSays(answer, { success: true, token: answer.json.token });
      person.token = answer.json.token;
      const { loggedInAs, iat, exp } = payload(person.token);
      assert.deepEqual([loggedInAs, exp - iat], [person.username, 86400]);
    });
  }
}

// Half of what openpgp 2.x signs is dated up to half a second ahead.
export async function signsInAlways(person) {
  await check(`${person.library.name}: six signatures in a row are good, dated ahead or not`, async () => {
    for (let turn = 0; turn < 6; turn += 1) {
      const answer = await person.signIn();
      assert.equal(answer.json.success, true, `${turn}: ${answer.text}`);
    }
  });
}

export async function sessionTokens(server, person) {
  for (const path of ["/token", "/token/username"]) {
    await check(`a session token from ${path}/… says whose it is and opens`, async () => {
      const sessionToken = await person.sessionToken(path);
      const { sessionTokenFor, iat, exp } = payload(sessionToken);
      assert.deepEqual([sessionTokenFor, exp - iat], [person.username, 480]);
      const header = JSON.parse(Buffer.from(sessionToken.split(".")[0], "base64url"));
      assert.equal(header.alg, "HS256");
      const answer = await person.answer(await person.signature({ sessionToken }));
      assertSays(answer, { success: true, token: answer.json.token });
    });
  }
  await check("a session token for nobody is 404, for a name in capitals not", async () => {
    const answer = await server.get("/token/nobodyatall");
    assert.equal(answer.status, 404);
    assertOpenToOtherOrigins(answer);
    const shouted = await server.get(`/token/${person.username.toUpperCase()}`);
    assert.equal(payload(shouted.json.sessionToken).sessionTokenFor, person.username);
  });
}

// The order of the tests, and what a signature must say.
export async function refusals(server, person, other) {
  const fingerprint = await person.fingerprint();
  const signature = await person.signature();
  const say = (fields, as) => server.post("/auth", { signature, fingerprint, username: person.username, ...fields }, as);

  for (const as of Object.keys(BODIES)) {
    await check(`an unknown user by ${as}`, async () => {
      assertSays(await say({ username: "nobodyatall", fingerprint: "00" }, as), refused("User not found"));
      assertSays(await server.post("/auth", {}, as), refused("User not found"));
    });
    await check(`a wrong fingerprint by ${as}`, async () => {
      for (const wrong of ["00", "", await other.fingerprint()]) {
        assertSays(await say({ fingerprint: wrong, signature: "" }, as), refused("Wrong fingerprint"));
      }
    });
  }
  await check("a fingerprint in capitals is the same", async () => {
    const answer = await say({ fingerprint: fingerprint.toUpperCase(), signature: await person.signature() });
    assert.equal(answer.json.success, true);
  });

  const bad = {
    "no signature": () => "",
    "what is no signature": () => "-----BEGIN PGP SIGNED MESSAGE-----",
    "another person's signature": async () => other.sign(JSON.stringify({
      sessionToken: await person.sessionToken(), msg: "SIGNAL_AUTH_REQUEST", username: person.username,
    })),
    "another message": () => person.signature({ msg: "SIGNAL_AUTH_REQUESTED" }),
    "another name": () => person.signature({ username: other.username }),
    "another person's session token": async () => person.signature({ sessionToken: await other.sessionToken() }),
    "an auth token for a session token": async () => person.signature({ sessionToken: await person.freshToken() }),
    "a session token that is a number": () => person.signature({ sessionToken: 7 }),
    "a forged session token": async () => {
      const [head, body, mark] = (await person.sessionToken()).split(".");
      const later = Buffer.from(JSON.stringify({ ...payload(`.${body}.`), exp: 4e9 })).toString("base64url");
      return person.signature({ sessionToken: `${head}.${later}.${mark}` });
    },
    "a session token without a signature": async () => {
      const head = Buffer.from(JSON.stringify({ alg: "none", typ: "JWT" })).toString("base64url");
      return person.signature({ sessionToken: `${head}.${(await person.sessionToken()).split(".")[1]}.` });
    },
    "text before the block": async () => `hello\n${await person.signature()}`,
    "text after the block": async () => `${await person.signature()}\nhello`,
    "a changed text": async () => (await person.signature()).replace("SIGNAL", "SIGMAL"),
    "two blocks": async () => `${await person.signature()}\n${await person.signature()}`,
    ...Object.fromEntries(["null", "7", "[]", "{", '"x"', "{}", "[".repeat(20_000)].map((text) => [
      `a signed ${text.slice(0, 9)}`, () => person.sign(text),
    ])),
  };
  for (const [what, make] of Object.entries(bad)) {
    await check(`${what} is no login`, async () => assertSays(await say({ signature: await make() }), INVALID));
  }
  for (const value of [null, 7, [], {}, true]) {
    await check(`a signature of JSON that is ${JSON.stringify(value)} is no login`, async () => {
      assertSays(await say({ signature: value }, "JSON"), INVALID);
    });
  }
}

export async function replays(person) {
  await check("a signature opens once", async () => {
    const signature = await person.signature();
    assert.equal((await person.answer(signature)).json.success, true);
    assertSays(await person.answer(signature), INVALID);
  });
  await check("the same signature 50 times at once opens once", async () => {
    const signature = await person.signature();
    const answers = await Promise.all(Array.from({ length: 50 }, () => person.answer(signature)));
    const opened = answers.filter(({ json }) => json.success);
    assert.equal(opened.length, 1);
    for (const answer of answers) if (answer !== opened[0]) assertSays(answer, INVALID);
  });
  await check("two signatures of one session token open once", async () => {
    const sessionToken = await person.sessionToken();
    assert.equal((await person.answer(await person.signature({ sessionToken }))).json.success, true);
    assertSays(await person.answer(await person.signature({ sessionToken, extra: 1 })), INVALID);
  });
}

// The application signs its whole public key into one line; and members it does not know yet are no harm.
export async function longLines(server) {
  const person = await Person.made(server, NEW, "Ed25519 (27)");
  await check("a signed line of 40 000 characters opens", async () => {
    assert.equal((await person.register()).status, 200);
    const answer = await person.answer(await person.signature({ photo: randomBytes(20_000).toString("hex") }));
    assert.equal(answer.json.success, true, answer.text);
  });
}
