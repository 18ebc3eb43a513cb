// The four clients, each opened by any transport, and how to wait for what they say.

import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const PATIENCE = Number(process.env.PATIENCE ?? 20_000); // milliseconds; only a broken server takes that long

export const CLIENTS = {
  "2.0.4": { io: require("socket.io-client-20"), version: 3 },
  "2.5.0": { io: require("socket.io-client-25"), version: 3 },
  "3.1.3": { io: require("socket.io-client-31").io, version: 4 },
  "4.8.1": { io: require("socket.io-client").io, version: 4 },
};
export const TRANSPORTS = {
  upgrade: undefined,
  polling: ["polling"],
  websocket: ["websocket"],
};

export function open(client, url, { transports, query, ...more } = {}) {
  const options = { forceNew: true, reconnection: false, query, ...more };
  if (transports) options.transports = transports;
  const socket = client.io(url, options);
  socket.greeting = new Promise((resolve) => socket.once("greeting", resolve)); // it may come with the connect packet
  return socket;
}

export function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came: ${what}`)), PATIENCE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export function once(emitter, event) {
  return within(new Promise((resolve) => emitter.once(event, resolve)), event);
}

// A connected socket; rejects with what the client was told instead.
export function connected(client, url, options) {
  const socket = open(client, url, options);
  const refused = {};
  const done = new Promise((resolve, reject) => {
    for (const event of ["error", "connect_error"]) {
      refused[event] = (reason) => {
        socket.close();
        reject(reason instanceof Error ? reason : Object.assign(new Error("refused"), { reason }));
      };
      socket.once(event, refused[event]);
    }
    socket.once("connect", () => {
      for (const [event, listener] of Object.entries(refused)) socket.off(event, listener);
      resolve(socket);
    });
  });
  return within(done, "connect");
}

export function transportOf(socket) {
  return socket.io.engine.transport.name;
}

export function upgraded(socket) {
  if (transportOf(socket) === "websocket") return Promise.resolve();
  return once(socket.io.engine, "upgrade");
}

export function ask(socket, name, data) {
  return within(new Promise((resolve) => socket.emit(name, data, resolve)), `the acknowledgement of ${name}`);
}
