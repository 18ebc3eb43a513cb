// What every client does over every transport.

import assert from "node:assert/strict";

import { ask, connected, once, transportOf, upgraded } from "./clients.mjs";

const UNICODE = `Grüße, ½ 👩‍🚀🚀 \u2028 漢字 ${"😀".repeat(50)}`;
const pause = () => new Promise((resolve) => setTimeout(resolve, 2));

export function exchanges(client, url, transports) {
  const opened = (query) => connected(client, url, { transports, query });

  return {
    async "connects and is disconnected"() {
      const socket = await opened();
      if (transports?.[0] === "polling") assert.equal(transportOf(socket), "polling");
      else await upgraded(socket);
      assert.ok(socket.id);
      socket.close();
      assert.equal(socket.connected, false);
    },
    async "is answered by event and by acknowledgement"() {
      const socket = await opened();
      const event = once(socket, "echo");
      const data = { text: UNICODE, numbers: [0, -1, 1.5, 1e21], nested: { a: [null, true] } };
      assert.deepEqual(await ask(socket, "echo", data), data);
      assert.deepEqual(await event, data);
      assert.equal(await ask(socket, "only ack", 7), 7);
      socket.close();
    },
    async "keeps the order of 200 messages both ways"() {
      const socket = await opened();
      if (transports === undefined) await upgraded(socket);
      const seen = [];
      socket.on("echo", (number) => seen.push(number));
      // A polling client sends what has gathered in one body, and a body holds 16 packets at the most.
      const lot = transportOf(socket) === "polling" ? 15 : 200;
      for (let number = 0; number < 200; number += 1) {
        if (number % lot === lot - 1) await ask(socket, "echo", number);
        else socket.emit("echo", number);
      }
      await ask(socket, "only ack", 0);
      assert.deepEqual(seen, Array.from({ length: 200 }, (_, number) => number));
      socket.close();
    },
    async "keeps the order around a slow event"() {
      const socket = await opened();
      const seen = [];
      const last = once(socket, "tick");
      for (const event of ["slow", "echo", "tick"]) socket.on(event, () => seen.push(event));
      socket.emit("slow", 1);
      socket.emit("echo", 2);
      socket.emit("burst", 1);
      await last;
      assert.deepEqual(seen, ["slow", "echo", "tick"]);
      socket.close();
    },
    async "takes a burst of 200 from the server"() {
      const socket = await opened();
      const seen = [];
      socket.on("tick", (number) => seen.push(number));
      socket.emit("burst", 200);
      await ask(socket, "only ack", 0);
      assert.deepEqual(seen, Array.from({ length: 200 }, (_, number) => number));
      socket.close();
    },
    async "carries text of every plane"() {
      const socket = await opened();
      for (const text of ["", "a", "é", "漢", "👋", UNICODE, "\u001e", "4:b4\u001e", "b4x", "x".repeat(60_000)]) {
        assert.equal(await ask(socket, "only ack", text), text);
      }
      socket.close();
    },
    async "carries binary both ways"() {
      const socket = await opened();
      const event = once(socket, "bytes");
      socket.emit("bytes", "é👋");
      const { all, text } = await event;
      assert.deepEqual([...new Uint8Array(all)], Array.from({ length: 256 }, (_, number) => number));
      assert.equal(text, "é👋");
      const sent = { first: Buffer.from([0, 1, 255, 4, 30]), rest: ["x", Buffer.from("ÿ👋")] };
      const back = await ask(socket, "echo", sent);
      assert.deepEqual(Buffer.from(back.first), sent.first);
      assert.deepEqual(Buffer.from(back.rest[1]), sent.rest[1]);
      socket.close();
    },
    async "is greeted after it is connected, with its query"() {
      const socket = await opened({ greet: "ä&=👋" });
      assert.equal((await socket.greeting).greet, "ä&=👋");
      socket.close();
    },
    async "is refused with a text"() {
      await assert.rejects(opened({ refuse: "Authentication error" }), (error) => {
        assert.equal(client.version === 3 ? error.reason : error.message, "Authentication error");
        return true;
      });
    },
    async "is refused with data"() {
      await assert.rejects(opened({ refuse: "no", because: "a reason" }), (error) => {
        assert.equal(client.version === 3 ? error.reason : error.data, "a reason");
        return true;
      });
    },
    async "finds no other namespace"() {
      await assert.rejects(connected(client, `${url}/other`, { transports, query: { a: "1" } }), (error) => {
        assert.equal(client.version === 3 ? error.reason : error.message, "Invalid namespace");
        return true;
      });
    },
    async "is told when the server ends it"() {
      const socket = await opened();
      const reason = once(socket, "disconnect");
      socket.emit("leave", 4403);
      assert.equal(await reason, "io server disconnect");
      socket.close();
    },
    async "comes again by itself after 1012"() {
      const socket = await connected(client, url, { transports, reconnection: true, reconnectionDelay: 20 });
      const again = once(socket, "connect");
      socket.emit("leave", 1012);
      await again;
      assert.equal(await ask(socket, "only ack", "back"), "back");
      socket.close();
    },
    async "loses its connection when a door fails, and nothing is told"() {
      const socket = await opened();
      const reason = once(socket, "disconnect");
      socket.emit("fail", 1);
      await reason;
      socket.close();
    },
    async "meets the bounds of its door"() {
      const socket = await opened({ narrow: "1" });
      let told;
      socket.once("error", ({ message }) => {
        told = message;
      });
      for (let number = 0; number < 2000 && !told; number += 1) {
        socket.emit("echo", number);
        while (socket.io.engine.writeBuffer.length > 5) await pause(); // a polled body holds 16 packets
      }
      assert.equal(told, "Too many messages");
      while (socket.io.engine.writeBuffer.length) await pause();
      const reason = once(socket, "disconnect");
      socket.emit("echo", "x".repeat(17 * 1024));
      await reason;
      socket.close();
    },
    async "answers what is no JSON of ours"() {
      const socket = await opened();
      const lone = await ask(socket, "strange", { text: "\ud800" });
      assert.equal(lone, "malformed");
      let deep = [];
      for (let level = 0; level < 2000; level += 1) deep = [deep];
      assert.equal(await ask(socket, "strange", deep), "malformed");
      socket.close();
    },
  };
}

export function authChecks(client, url) {
  return {
    async "is known by its auth object"() {
      const socket = await connected(client, url, { auth: { greet: "by auth" } });
      assert.equal((await socket.greeting).greet, "by auth");
      socket.close();
    },
    async "is refused by its auth object"() {
      await assert.rejects(connected(client, url, { auth: { refuse: "no" } }), /no/);
    },
  };
}
