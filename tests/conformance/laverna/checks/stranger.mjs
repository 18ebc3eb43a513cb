// Somebody who is connected all the time, by every client, and whom nothing concerns.

import assert from "node:assert/strict";
import { Device } from "../device.mjs";
import { check } from "../report.mjs";
import { KINDS } from "../sockets.mjs";

export async function stranger(person) {
  const devices = KINDS.map((kind) => new Device(person, kind));
  for (const device of devices) await device.connect();
  return async () => {
    for (const device of devices) {
      await check(`a stranger with ${device.socketKind} heard nothing all the while`, async () => {
        assert.deepEqual(device.log, []);
        device.emit("requestOffers", { users: [{ username: person.username, deviceId: device.deviceId }] });
        assert.deepEqual(await device.told("requestOffer"), [device.name]);
        device.close();
      });
    }
  };
}
