// One JSON line in, one out: opens a socket, asks once, waits for both answers, closes — as the client of the seed does.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(import.meta.url);
const PATIENCE = 60_000; // milliseconds; only a broken server takes that long
const CLIENTS = {
  "2.0.4": require("socket.io-client-20"),
  "2.5.0": require("socket.io-client-25"),
  "4.8.1": require("socket.io-client").io,
};

function ask({ url, version, transports, event, data, acknowledge }) {
  return new Promise((resolve, reject) => {
    const socket = CLIENTS[version](url, { forceNew: true, reconnection: false, ...(transports && { transports }) });
    const late = setTimeout(() => done(reject, new Error("nothing came")), PATIENCE);
    const told = { transport: null, acknowledged: [], events: [] };

    function done(settle, value) {
      clearTimeout(late);
      socket.close();
      settle(value);
    }
    function look() {
      if (told.events.length === 0 || (acknowledge && told.acknowledged.length === 0)) return;
      told.transport = socket.io.engine.transport.name;
      setTimeout(() => done(resolve, told), 20); // a second answer would come now
    }
    for (const failure of ["error", "connect_error"]) {
      socket.once(failure, (reason) => done(reject, new Error(`${failure}: ${reason?.message ?? reason}`)));
    }
    socket.on(event, (...args) => {
      told.events.push(args);
      look();
    });
    socket.once("connect", () => {
      const callback = (...args) => {
        told.acknowledged.push(args);
        look();
      };
      if (acknowledge) socket.emit(event, data, callback);
      else socket.emit(event, data);
    });
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  ask(message).then(
    (told) => console.log(JSON.stringify({ number: message.number, ...told })),
    (error) => console.log(JSON.stringify({ number: message.number, error: String(error) })),
  );
}
