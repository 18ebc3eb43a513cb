// Every refusal of the tables of session-open-group.md §4 with its exact body, and the keys of §9.

import assert from "node:assert/strict";
import { answers, appNet, BAD_TOKEN, check, plain } from "../report.mjs";
import { loggedIn, SessionClient } from "../session_client.mjs";

const GOOD = "05ef229771c7c01f24b17e7364a861d94acf6b08ce21492e9a94f546b029cd2839";
const REFUSED_KEYS = {
  "the point 0": "05" + "00".repeat(32),
  "the point 1": "0501" + "00".repeat(31),
  "a point of order 8": "05e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "another point of order 8": "055f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "p - 1": "05ec" + "ff".repeat(30) + "7f",
  "p": "05ed" + "ff".repeat(30) + "7f",
  "p + 1": "05ee" + "ff".repeat(30) + "7f",
  "a second name of one point": GOOD.slice(0, -2) + "b9",
  "no key type": GOOD.slice(2),
  "another key type": "06" + GOOD.slice(2),
  "one digit too many": GOOD + "0",
  "one digit too few": GOOD.slice(0, -1),
  "a letter that is no digit": GOOD.slice(0, -1) + "g",
  "a line end": GOOD + "\n",
};

export async function refusalChecks(server) {
  await challengeRefusals(server);
  await submitRefusals(server);
  await boundToItsKey(server);
  await tokenRefusals(server);
  await elsewhere(server);
}

async function challengeRefusals(server) {
  const ask = (query) => server.ask("GET", `/loki/v1/get_challenge${query}`);
  for (const query of ["", "?pubKey=", "?pubkey=" + GOOD, "?pubKey[]=" + GOOD, "?pubKey[x]=" + GOOD]) {
    await check(`get_challenge${query.slice(0, 12)} misses the key`, async () => {
      answers(await ask(query), 422, plain("pubKey missing"));
    });
  }
  await check("get_challenge refuses a repeated key", async () => {
    answers(await ask(`?pubKey=${GOOD}&pubKey=${GOOD}`), 422, plain("pubKey invalid"));
  });
  for (const [what, key] of Object.entries(REFUSED_KEYS)) {
    await check(`get_challenge and submit_challenge refuse ${what}`, async () => {
      answers(await ask(`?${new URLSearchParams({ pubKey: key })}`), 422, plain("pubKey invalid"));
      const json = { pubKey: key, token: "x" };
      answers(await server.ask("POST", "/loki/v1/submit_challenge", { json }), 422, plain("pubKey invalid"));
    });
  }
  await check("too many challenges from one address get 429 with a time to wait", async () => {
    const headers = { "X-Forwarded-For": `203.0.113.${1 + Math.floor(Math.random() * 250)}` };
    let answer;
    for (let count = 0; count < 400 && answer?.status !== 429; count += 1) {
      answer = await server.ask("GET", `/loki/v1/get_challenge?pubKey=${GOOD}`, { headers });
    }
    answers(answer, 429, plain("too many requests"));
    assert.match(answer.headers.get("retry-after"), /^[1-9]\d*$/);
  });
}

async function submitRefusals(server) {
  const cases = [
    ["no JSON", "{", 400, "invalid JSON"],
    ["nothing at all", "", 400, "invalid JSON"],
    ["JSON with NaN", `{"pubKey":NaN}`, 400, "invalid JSON"],
    ["half a character", `{"pubKey":"\\ud800"}`, 400, "invalid JSON"],
    ["a list", "[]", 422, "pubKey missing"],
    ["a text", `"${GOOD}"`, 422, "pubKey missing"],
    ["no key", `{"token":"x"}`, 422, "pubKey missing"],
    ["an empty key", `{"pubKey":"","token":"x"}`, 422, "pubKey missing"],
    ["a number as key", `{"pubKey":5,"token":"x"}`, 422, "pubKey invalid"],
    ["an object as key", `{"pubKey":{"a":1},"token":"x"}`, 422, "pubKey invalid"],
    ["a list as key", `{"pubKey":["${GOOD}"],"token":"x"}`, 422, "pubKey invalid"],
    ["no token", `{"pubKey":"${GOOD}"}`, 422, "token missing"],
    ["an empty token", `{"pubKey":"${GOOD}","token":""}`, 422, "token missing"],
    ["an unknown token", `{"pubKey":"${GOOD}","token":"${"a".repeat(96)}"}`, 401, "invalid"],
    ["a token of the wrong length", `{"pubKey":"${GOOD}","token":"a"}`, 401, "invalid"],
    ["a number as token", `{"pubKey":"${GOOD}","token":5}`, 401, "invalid"],
    ["an object as token", `{"pubKey":"${GOOD}","token":{}}`, 401, "invalid"],
  ];
  for (const [what, body, status, error] of cases) {
    await check(`submit_challenge with ${what} is refused`, async () => {
      const headers = { "Content-Type": "application/json" };
      const answer = await server.ask("POST", "/loki/v1/submit_challenge", { body, headers });
      answers(answer, status, plain(error));
      assert.equal(answer.headers.get("cache-control"), "no-store");
      assert.equal(answer.headers.get("content-type"), "application/json; charset=utf-8");
    });
  }
  await check("submit_challenge ignores the query and other content types", async () => {
    const client = new SessionClient(server);
    const token = await client.requestToken();
    const query = new URLSearchParams({ pubKey: client.pubKey, token });
    const path = `/loki/v1/submit_challenge?${query}`;
    answers(await server.ask("POST", path, { json: {} }), 422, plain("pubKey missing"));
    answers(await client.submit(token, { contentType: "text/plain" }), 422, plain("pubKey missing"));
    answers(await client.submit(token), 200, {});
  });
}

async function boundToItsKey(server) {
  await check("a second submit is refused and the first stays good", async () => {
    const client = await loggedIn(server);
    answers(await client.submit(client.token), 401, plain("invalid"));
    assert.equal((await client.whoAmI()).status, 200);
  });
  await check("a token submitted with another key is refused and stays usable by its owner", async () => {
    const [owner, thief] = [new SessionClient(server), await loggedIn(server)];
    const token = await owner.requestToken();
    answers(await thief.submit(token), 401, plain("invalid"));
    answers(await owner.whoAmI(token), 401, BAD_TOKEN);
    answers(await owner.submit(token), 200, {});
    assert.equal((await owner.whoAmI(token)).json.data.user.username, owner.pubKey);
    answers(await thief.submit(token), 401, plain("invalid"));
    assert.equal((await owner.whoAmI(token)).json.data.user.username, owner.pubKey);
  });
  await check("the original's account takeover fails: own challenge, another person's key", async () => {
    const [victim, thief] = [await loggedIn(server), new SessionClient(server)];
    const token = await thief.requestToken();
    answers(await thief.submit(token, { pubKey: victim.pubKey }), 401, plain("invalid"));
    answers(await thief.whoAmI(token), 401, BAD_TOKEN);
  });
}

async function tokenRefusals(server) {
  const inert = await new SessionClient(server).requestToken();
  const { token } = await loggedIn(server);
  const wrong = "a".repeat(96);
  const cases = { "no token": {}, "an empty token": { token: "" }, "an unknown token": { token: wrong }, "an inert token": { token: inert } };
  for (const [what, options] of Object.entries(cases)) {
    const missing = options.token === undefined || options.token === "";
    await check(`GET and DELETE /token with ${what} say 401 in the body`, async () => {
      answers(await server.ask("GET", "/token", options), 401, BAD_TOKEN);
      answers(await server.ask("DELETE", "/token", options), 401, BAD_TOKEN);
    });
    await check(`user_info with ${what} is refused`, async () => {
      const expected = missing ? appNet(401, "Authorization required") : BAD_TOKEN;
      answers(await server.ask("GET", "/loki/v1/user_info", options), 401, expected);
    });
    await check(`PATCH /users/me with ${what} is refused`, async () => {
      const expected = missing ? { meta: { code: 401, error: "Need token" }, data: false } : BAD_TOKEN;
      answers(await server.ask("PATCH", "/users/me", { ...options, json: { name: "x" } }), 401, expected);
    });
  }
  await check("a wrong token in the query beats the right one in the header", async () => {
    answers(await server.ask("GET", `/token?access_token=${wrong}`, { token }), 401, BAD_TOKEN);
  });
  await check("two different tokens in the query are refused", async () => {
    answers(await server.ask("GET", `/token?access_token=${token}&access_token=${wrong}`), 401, BAD_TOKEN);
  });
}

async function elsewhere(server) {
  for (const path of ["/loki/v1/public_key", "/loki/v1/time", "/channels/1", "/no/such/path"]) {
    await check(`${path} is not found, in JSON`, async () => {
      answers(await server.ask("GET", path), 404, appNet(404, "Not Found"));
    });
  }
}
