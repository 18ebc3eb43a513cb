// Registration where a token and terms are asked for, and an address may be proved.

import assert from "node:assert/strict";
import { createClient } from "matrix-js-sdk";
import { check } from "../report.mjs";
import { clientOf, interact, newName, operate, PASSWORD } from "../person.mjs";

const TERMS = "m.login.terms";
const TOKEN = "m.login.registration_token";

const proofs = (token) => ({
  [TOKEN]: (auth) => auth.submitAuthDict({ type: TOKEN, token }),
  [TERMS]: (auth) => auth.submitAuthDict({ type: TERMS }),
});

export async function strictChecks(installation) {
  const { baseUrl, registrationToken } = installation;
  const client = createClient({ baseUrl });
  const registering = () => {
    const body = { username: newName(), password: PASSWORD, refresh_token: true };
    return (auth) => client.registerRequest({ ...body, auth: auth ?? undefined });
  };
  await check("token, terms and dummy make an account; the terms are shown", async () => {
    const stages = {};
    const seen = (stage, params) => (stages[stage] = params);
    const answer = await interact(client, registering(), proofs(registrationToken), { seen });
    assert.deepEqual(Object.keys(stages), [TOKEN, TERMS]);
    assert.equal(stages[TERMS].policies.privacy_policy.en.name, "Privacy policy");
    assert.match((await clientOf(baseUrl, answer).whoami()).user_id, /:example\.org$/);
  });
  await check("a wrong registration token is told at its stage", async () => {
    const attempt = interact(client, registering(), proofs("wrong"));
    await assert.rejects(attempt, /m\.login\.registration_token: M_UNAUTHORIZED/);
  });
  await check("the SDK prefers the flow with an address when it has one, and polls until the link is opened", async () => {
    const emailAddress = `${newName()}@example.net`;
    const byMail = async (auth) => {
      const link = operate(installation, "link", emailAddress);
      assert.equal((await fetch(baseUrl + link)).status, 200);
      await auth.poll();
    };
    const all = { ...proofs(registrationToken), "m.login.email.identity": byMail };
    const answer = await interact(client, registering(), all, { inputs: { emailAddress } });
    const { threepids } = await clientOf(baseUrl, answer).getThreePids();
    assert.deepEqual(threepids.map(({ address }) => address), [emailAddress]);
  });
  await check("a stage that the app does not know has its page", async () => {
    const flows = await client.registerRequest({ username: newName(), password: PASSWORD }).catch(({ data }) => data);
    const page = await fetch(client.getFallbackAuthUrl(TERMS, flows.session));
    assert.equal(page.status, 200);
    assert.match(page.headers.get("content-type"), /^text\/html/);
  });
}
