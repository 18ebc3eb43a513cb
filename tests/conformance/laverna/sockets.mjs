// A signaling socket by each client: `emit(event, data, acknowledge)`, `on(event, listener)`, `close()`, `transport`.

import { createRequire } from "node:module";
import { WebSocket } from "ws";

const require = createRequire(import.meta.url);
const PATIENCE = Number(process.env.PATIENCE ?? 30_000); // milliseconds; only a broken server takes that long

export const CLIENTS = {
  "2.0.4": require("socket.io-client-20"),
  "2.5.0": require("socket.io-client-25"),
  "4.8.1": require("socket.io-client").io,
};
export const PLAIN = "plain websocket";
export const KINDS = [...Object.keys(CLIENTS), PLAIN];
export const TRANSPORTS = { "default transports": undefined, polling: ["polling"], websocket: ["websocket"] };

export function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came: ${what}`)), PATIENCE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// What the server refused with: `text`, and the event by which the client told it.
export class Refused extends Error {
  constructor(told, text) {
    super(`${told}: ${text}`);
    Object.assign(this, { told, text });
  }
}

// A connected socket, with `names` (username, deviceId, token) where this client puts them. Listeners are there before
// the connection is, because pending invitations come right behind it.
export function open(kind, url, names, { listeners = {}, transports, inAuth = false } = {}) {
  return within(kind === PLAIN ? plain(url, names, listeners) : ofSocketIO(kind, url, names, listeners, transports, inAuth),
    `a connection by ${kind}`);
}

// The application glues its query string together itself.
const glued = (names) => Object.entries(names).map(([name, value]) => `${name}=${value}`).join("&");

function ofSocketIO(kind, url, names, listeners, transports, inAuth) {
  const where = inAuth ? { auth: names } : { query: kind.startsWith("2") ? glued(names) : names };
  const socket = CLIENTS[kind](url, { forceNew: true, reconnection: false, ...(transports && { transports }), ...where });
  for (const [event, listener] of Object.entries(listeners)) socket.on(event, listener);
  const handle = {
    kind,
    emit: (event, ...args) => socket.emit(event, ...args),
    on: (event, listener) => socket.on(event, listener),
    close: () => socket.close(),
    get transport() {
      return socket.io.engine.transport.name;
    },
  };
  return new Promise((resolve, reject) => {
    const refused = (told) => (reason) => {
      socket.close();
      reject(new Refused(told, reason instanceof Error ? reason.message : reason));
    };
    socket.once("error", refused("error"));
    socket.once("connect_error", refused("connect_error"));
    socket.once("connect", () => {
      for (const event of ["error", "connect_error"]) socket.off(event);
      socket.on("error", listeners.error ?? (() => {}));
      resolve(handle);
    });
  });
}

async function plain(url, { token, ...names }, listeners) {
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws/signal/`, { perMessageDeflate: false });
  const listening = new Map(Object.entries(listeners).map(([event, listener]) => [event, [listener]]));
  const waiting = new Map();
  const on = (event, listener) => listening.set(event, [...(listening.get(event) ?? []), listener]);
  const send = (event, data, acknowledge) => {
    const id = acknowledge ? waiting.size + 1 : undefined;
    if (acknowledge) waiting.set(id, acknowledge);
    socket.send(JSON.stringify({ event, data, id }));
  };
  socket.on("message", (text) => {
    const { event, data, id } = JSON.parse(text);
    if (id !== undefined && waiting.has(id)) waiting.get(id)(data);
    else for (const listener of listening.get(event) ?? []) listener(data);
  });
  socket.on("close", (code, reason) => (listening.get("disconnect") ?? []).forEach((listener) => listener(code, `${reason}`)));
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  await new Promise((resolve, reject) => {
    on("disconnect", (code, reason) => reject(new Refused(code, reason)));
    send("connect", { ...names, token }, ({ error }) => (error ? reject(new Refused("connect", error)) : resolve()));
  });
  return { kind: PLAIN, emit: send, on, close: () => socket.close(), transport: "websocket" };
}
