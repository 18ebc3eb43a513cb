// Opening the signaling socket, and being refused (laverna.md §5).

import assert from "node:assert/strict";
import { Device } from "../device.mjs";
import { check } from "../report.mjs";
import { KINDS, open, PLAIN, TRANSPORTS } from "../sockets.mjs";

const EMPTY = "Username/token/deviceId is empty";
const WRONG = "Authentication error";

export async function everyTransport(person) {
  for (const kind of KINDS) {
    for (const [title, transports] of kind === PLAIN ? [["websocket", undefined]] : Object.entries(TRANSPORTS)) {
      await check(`${kind} connects by ${title}, and is heard`, async () => {
        const device = await new Device(person, kind).connect({ transports });
        device.emit("requestOffers", { users: [person.username] });
        assert.deepEqual(await device.told("requestOffer"), [device.name]);
        if (transports) assert.equal(device.socket.transport, transports[0]);
        device.close();
      });
    }
  }
  await check("4.8.1 may name itself in its auth object", async () => {
    const device = await new Device(person, "4.8.1").connect({ inAuth: true });
    assert.deepEqual(await device.ask("requestOffers", { users: [] }), { ok: true });
    device.close();
  });
}

export async function refusals(person, other) {
  const sessionToken = await person.sessionToken();
  const good = { username: person.username, deviceId: "phone", token: person.token };
  const cases = [
    ["an empty name", { ...good, username: "" }, EMPTY],
    ["no name", { deviceId: "phone", token: person.token }, EMPTY],
    ["an empty device", { ...good, deviceId: "" }, EMPTY],
    ["no device", { username: person.username, token: person.token }, EMPTY],
    ["an empty token", { ...good, token: "" }, EMPTY],
    ["no token", { username: person.username, deviceId: "phone" }, EMPTY],
    ["a wrong token", { ...good, token: "x" }, WRONG],
    ["a session token", { ...good, token: sessionToken }, WRONG],
    ["another person's token", { ...good, username: other.username }, WRONG],
    ["an unknown name", { ...good, username: "nobodyatall" }, WRONG],
  ];
  for (const kind of KINDS) {
    for (const [what, names, text] of cases) {
      await check(`${kind} is refused with ${what}: ${text}`, async () => {
        await assert.rejects(open(kind, person.server.url, names), (error) => {
          assert.equal(error.text, text);
          if (kind !== PLAIN) assert.equal(error.told, kind === "4.8.1" ? "connect_error" : "error");
          return true;
        });
      });
    }
    await check(`${kind} may write its name in capitals`, async () => {
      const socket = await open(kind, person.server.url, { ...good, username: person.username.toUpperCase() });
      socket.close();
    });
  }
}
