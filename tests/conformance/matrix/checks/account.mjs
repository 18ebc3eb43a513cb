// Name, password, address, end of an account.

import assert from "node:assert/strict";
import { createClient } from "matrix-js-sdk";
import { check, refuses } from "../report.mjs";
import { byPassword, clientOf, interact, loggedIn, newName, operate, PASSWORD, registered } from "../person.mjs";

export async function accountChecks(installation) {
  const { baseUrl } = installation;
  await check("the display name is set and seen by others", async () => {
    const { name, answer } = await registered(baseUrl);
    const client = clientOf(baseUrl, answer);
    assert.equal((await client.getProfileInfo(answer.user_id)).displayname, name);
    await client.setDisplayName("Zoë");
    assert.equal((await createClient({ baseUrl }).getProfileInfo(answer.user_id, "displayname")).displayname, "Zoë");
    await refuses(client.getProfileInfo("@nobody:localhost"), 404, "M_NOT_FOUND");
  });
  await check("the password is changed; other sessions end as asked", async () => {
    const { name, answer } = await registered(baseUrl);
    const [client, other] = [clientOf(baseUrl, answer), await loggedIn(baseUrl, name)];
    const change = (password, logout) => (auth) => client.setPassword(auth ?? undefined, password, logout);
    await interact(client, change("second horse battery", false), byPassword(answer.user_id));
    await clientOf(baseUrl, other).whoami();
    await interact(client, change("third horse battery"), byPassword(answer.user_id, "second horse battery"));
    await refuses(clientOf(baseUrl, other).whoami(), 401, "M_UNKNOWN_TOKEN");
    await client.whoami();
    await refuses(loggedIn(baseUrl, name, { password: PASSWORD }), 403, "M_FORBIDDEN");
    await loggedIn(baseUrl, name, { password: "third horse battery" });
  });
  await check("an address is added by its mail, opens the account, and is removed", async () => {
    const { answer } = await registered(baseUrl);
    const client = clientOf(baseUrl, answer);
    const address = `${newName()}@example.net`;
    assert.deepEqual((await client.getThreePids()).threepids, []);
    const client_secret = client.generateClientSecret();
    const { sid } = await client.requestAdd3pidEmailToken(address, client_secret, 1);
    const add = (auth) => client.addThreePidOnly({ sid, client_secret, auth: auth ?? undefined });
    await assert.rejects(interact(client, add, byPassword(answer.user_id)), /M_THREEPID_AUTH_FAILED/);
    const page = await fetch(baseUrl + operate(installation, "link", address));
    assert.equal(page.status, 200);
    assert.deepEqual(await interact(client, add, byPassword(answer.user_id)), {});
    const [threepid] = (await client.getThreePids()).threepids;
    assert.deepEqual({ medium: threepid.medium, address: threepid.address }, { medium: "email", address });
    const identifier = { type: "m.id.thirdparty", medium: "email", address };
    assert.equal((await loggedIn(baseUrl, "", { identifier })).user_id, answer.user_id);
    await client.deleteThreePid("email", address);
    assert.deepEqual((await client.getThreePids()).threepids, []);
  });
  await check("a deactivated account is gone and its name stays taken", async () => {
    const { name, answer } = await registered(baseUrl);
    const client = clientOf(baseUrl, { ...answer, refresh_token: undefined });
    const auth = byPassword(answer.user_id);
    const gone = await interact(client, (given) => client.deactivateAccount(given ?? undefined, false), auth);
    assert.deepEqual(gone, { id_server_unbind_result: "success" });
    await refuses(client.whoami(), 401, "M_UNKNOWN_TOKEN");
    assert.equal((await loggedIn(baseUrl, name).catch((error) => error)).httpStatus, 403);
    assert.equal(await createClient({ baseUrl }).isUsernameAvailable(name), false);
  });
}
