// Two people with two devices each, and one who must not hear of it (laverna.md §5).

import assert from "node:assert/strict";
import { Device } from "../device.mjs";
import { check, skip } from "../report.mjs";

// The four sockets may be of different kinds.
export async function story(title, { alice, bob }, kinds, { wrtc, isShort }) {
  const [a1, a2] = kinds.slice(0, 2).map((kind) => new Device(alice, kind));
  const [b1, b2] = kinds.slice(2).map((kind) => new Device(bob, kind));
  const all = [a1, a2, b1, b2];
  const step = (what, run) => check(`${title}: ${what}`, run);

  await step("four devices connect", async () => {
    for (const device of all) await device.connect();
  });
  await invitations(step, { a1, b1, b2, alice, bob, kind: kinds[3] });
  await offers(step, { a1, a2, b1, b2, alice, bob });
  await relaying(step, { a1, b1, all });
  await objects(step, { a1, a2, b1, b2, alice, bob });
  if (wrtc.missing) skip(`${title}: peers`, wrtc.missing);
  else await peers(step, { a1, a2, b1, b2, alice, bob, wrtc, isShort });
  await step("nothing else was said", async () => {
    for (const device of all) assert.deepEqual(device.log, []);
  });
  for (const device of all) device.close();
}

// What every device has still to hear comes before the answer to its own question.
async function settle(...devices) {
  for (const device of devices) await device.ask("requestOffers", { users: [] });
}

async function invitations(step, { a1, b1, b2, alice, bob, kind }) {
  await step("an invitation reaches every device of the invited, who believe it", async () => {
    await a1.invite(bob);
    for (const device of [b1, b2]) {
      const [invite] = await device.told("invite");
      assert.deepEqual(Object.keys(invite).sort(), ["fingerprint", "publicKey", "signature", "username"]);
      assert.deepEqual([invite.username, invite.publicKey], [alice.username, alice.publicKey]);
      assert.ok(await device.believes(invite));
      device.trust(invite);
    }
    a1.trust(bob);
  });
  await step("it waits for who comes later", async () => {
    const late = await new Device(bob, kind).connect();
    const [invite] = await late.told("invite");
    assert.equal(invite.username, alice.username);
    assert.ok(await late.believes(invite));
    late.close();
  });
  await step("once removed it comes no more", async () => {
    assert.deepEqual(await b1.ask("removeInvite", { username: alice.username }), { ok: true });
    const later = await new Device(bob, kind).connect();
    await settle(later);
    assert.deepEqual(later.log, []);
    later.close();
  });
  await step("an invitation of oneself is ignored", async () => {
    await a1.invite(alice);
    await settle(a1);
    assert.deepEqual(a1.log, []);
  });
}

async function offers(step, { a1, a2, b1, b2, alice, bob }) {
  await step("offers are requested of every device, one's own too, once each", async () => {
    a1.emit("requestOffers", { users: [bob.username, alice.username, bob.username] });
    for (const device of [a1, a2, b1, b2]) assert.deepEqual(await device.told("requestOffer"), [a1.name]);
  });
  await step("an offer is told to the one device it goes to, and to its own", async () => {
    b1.emit("sendOffer", a1.name);
    assert.deepEqual(await a1.told("offer"), [{ user: b1.name, initiator: false }]);
    assert.deepEqual(await b1.told("offer"), [{ user: a1.name, initiator: true }]);
    await settle(a2, b2);
    assert.deepEqual([a2.log, b2.log], [[], []]);
  });
}

const STRANGE = [
  { type: "offer", sdp: "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\n" },
  { z: 1, a: { 2: "two", b: null, 1: ["one", { y: 0, x: -0.5 }] }, "": "" },
  { large: 1e21, small: 1e-7, whole: 1.0, more: 9007199254740993, most: 1.7976931348623157e308, zero: -0 },
  { text: "é漢👩‍🚀 \u2028\u2029 \u0000\u007f \ud83d", "\udc00lone": "</script> \\ \" / \ufffe" },
  { deep: JSON.parse("[".repeat(20) + "]".repeat(20)), list: Array.from({ length: 300 }, (_, number) => number) },
  "text", 7, true, null, [],
];

async function relaying(step, { a1, b1, all }) {
  await step("signals arrive as they were written, in order", async () => {
    for (const signal of STRANGE) {
      a1.emit("sendSignal", { signal, signature: "s", to: b1.name, from: { username: "mallory", deviceId: "x" } });
    }
    const heard = await b1.told("signal", STRANGE.length);
    heard.forEach((data, number) => {
      assert.equal(JSON.stringify(data.signal), JSON.stringify(STRANGE[number]));
      assert.deepEqual({ ...data, signal: null }, { signal: null, signature: "s", from: a1.name });
    });
  });
  await step("a hundred signals keep their order", async () => {
    for (let number = 0; number < 100; number += 1) {
      a1.emit("sendSignal", { signal: { number }, signature: "", to: b1.name });
      if (number % 14 === 13) await settle(a1); // a polled body holds 16 packets
    }
    const heard = await b1.told("signal", 100);
    assert.deepEqual(heard.map(({ signal }) => signal.number), Array.from({ length: 100 }, (_, number) => number));
  });
  await step("nobody else hears them", async () => {
    await settle(...all);
    for (const device of all) assert.deepEqual(device.log, []);
  });
}

async function objects(step, { a1, a2, b1, b2, alice, bob }) {
  await step("a lost peer is asked by an object, and it alone", async () => {
    a1.emit("requestOffers", { users: [{ username: bob.username, deviceId: b2.deviceId }] });
    assert.deepEqual(await b2.told("requestOffer"), [a1.name]);
    await settle(b1, a1, a2);
    assert.deepEqual([b1.log, a1.log, a2.log], [[], [], []]);
  });
  await step("who has just accepted asks with all it knows of the other, and reaches every device", async () => {
    const model = {
      type: "users", id: "1", username: bob.username, fingerprint: await bob.fingerprint(), publicKey: bob.publicKey,
      pendingAccept: false, pendingInvite: false,
    };
    a1.emit("requestOffers", { users: [model] });
    for (const device of [b1, b2]) assert.deepEqual(await device.told("requestOffer"), [a1.name]);
    await settle(a1, a2);
    assert.deepEqual([a1.log, a2.log], [[], []]);
  });
}

const connected = (device, to) => device.until(
  () => device.log.some(([event, data]) => event === "connected" && data.deviceId === to.deviceId),
  `a data channel with ${to.socketKind}`,
);

async function speak(from, to, text) {
  from.peer(to.name).instance.send(text);
  await to.until(() => to.log.some(([event, data]) => event === "data" && data.text === text), text);
}

const heardOf = (device, event) => device.log.filter(([name]) => name === event).map(([, data]) => data);

async function peers(step, { a1, a2, b1, b2, alice, bob, wrtc, isShort }) {
  const [asked, answering] = isShort ? [[bob.username], [b1]] : [[bob.username, alice.username], [b1, b2, a2]];
  await step("the applications find each other, and a data channel opens", async () => {
    for (const device of [a1, ...answering]) device.goLive(wrtc);
    a2.trust(bob);
    a1.emit("requestOffers", { users: asked });
    for (const device of answering) await Promise.all([connected(a1, device), connected(device, a1)]);
    for (const device of answering) {
      await speak(a1, device, `hello ${device.deviceId}`);
      await speak(device, a1, `hello from ${device.deviceId}`);
    }
  });
  await step("every signal was simple-peer's own, signed and believed", async () => {
    for (const device of [a1, ...answering]) {
      const signals = () => heardOf(device, "signal").map(({ signal }) => signal);
      // The candidates of one side are enough for a channel to open; those of the other may come behind it.
      await device.until(() => signals().some(({ candidate }) => candidate?.candidate), "a candidate");
      assert.deepEqual(heardOf(device, "forged"), []);
      const types = signals().map(({ type }) => type).filter(Boolean);
      assert.deepEqual([...new Set(types)], [device === a1 ? "offer" : "answer"]);
    }
  });
  if (!isShort) {
    await step("a lost peer comes again", async () => {
      for (const device of [a1, b1]) device.log = [];
      a1.peer(b1.name).instance.destroy();
      for (const device of [a1, b1]) await device.until(() => heardOf(device, "closed").length === 1, "the end of a peer");
      a1.emit("requestOffers", { users: [b1.name] }); // an object, as the application does it
      await Promise.all([connected(a1, b1), connected(b1, a1)]);
      await speak(a1, b1, "again");
    });
  }
  const all = [a1, a2, b1, b2];
  await Promise.all(all.map((device) => device.rest()));
  await settle(...all, ...all); // first all is sent, then all is heard
  for (const device of all) device.log = [];
}
