// The list of sessions in an app's settings.

import assert from "node:assert/strict";
import { check, refuses } from "../report.mjs";
import { byPassword, clientOf, interact, loggedIn, registered } from "../person.mjs";

async function personWithDevices(baseUrl) {
  const { name, answer } = await registered(baseUrl);
  const others = [await loggedIn(baseUrl, name), await loggedIn(baseUrl, name)];
  return { client: clientOf(baseUrl, answer), answer, others, auth: byPassword(answer.user_id) };
}

const idsOf = async (client) => (await client.getDevices()).devices.map(({ device_id }) => device_id).sort();

export async function deviceChecks({ baseUrl }) {
  await check("devices are listed and renamed", async () => {
    const { client, answer, others } = await personWithDevices(baseUrl);
    assert.deepEqual(await idsOf(client), [answer, ...others].map(({ device_id }) => device_id).sort());
    assert.equal((await client.getDevice(answer.device_id)).display_name, "Element");
    assert.deepEqual(await client.setDeviceDetails(others[0].device_id, { display_name: "old phone" }), {});
    assert.equal((await client.getDevice(others[0].device_id)).display_name, "old phone");
    await refuses(client.setDeviceDetails("UNKNOWN", { display_name: "x" }), 404, "M_NOT_FOUND");
  });
  await check("one device is deleted after a proof", async () => {
    const { client, others, auth } = await personWithDevices(baseUrl);
    const gone = others[0];
    assert.deepEqual(await interact(client, (given) => client.deleteDevice(gone.device_id, given ?? undefined), auth), {});
    await refuses(clientOf(baseUrl, gone).whoami(), 401, "M_UNKNOWN_TOKEN");
    await clientOf(baseUrl, others[1]).whoami();
  });
  await check("several devices are deleted after one proof", async () => {
    const { client, answer, others, auth } = await personWithDevices(baseUrl);
    const ids = others.map(({ device_id }) => device_id);
    await interact(client, (given) => client.deleteMultipleDevices(ids, given ?? undefined), auth);
    assert.deepEqual(await idsOf(client), [answer.device_id]);
  });
  await check("a wrong password deletes nothing", async () => {
    const { client, answer, others } = await personWithDevices(baseUrl);
    const wrong = byPassword(answer.user_id, "wrong horse");
    const attempt = interact(client, (given) => client.deleteDevice(others[0].device_id, given ?? undefined), wrong);
    await assert.rejects(attempt, /m\.login\.password: M_FORBIDDEN/);
    assert.equal((await idsOf(client)).length, 3);
  });
}
