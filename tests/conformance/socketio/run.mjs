// node run.mjs BASE_URL: every client over every transport.
// node run.mjs BASE_URL hold: opens one socket of each, says so, and waits for the server to go down and come again.
// node run.mjs BASE_URL beat: one socket of each stays silent, but for its heartbeat, for longer than silence may last.

import { authChecks, exchanges } from "./checks.mjs";
import { ask, CLIENTS, connected, TRANSPORTS, upgraded, within } from "./clients.mjs";
import { check } from "./report.mjs";

const url = process.argv[2];

async function runAll() {
  for (const [name, client] of Object.entries(CLIENTS)) {
    for (const [kind, transports] of Object.entries(TRANSPORTS)) {
      for (const [title, run] of Object.entries(exchanges(client, url, transports))) {
        await check(`${name} by ${kind} ${title}`, run);
      }
    }
    if (client.version === 4) {
      for (const [title, run] of Object.entries(authChecks(client, url))) await check(`${name} ${title}`, run);
    }
  }
}

async function hold() {
  const held = [];
  for (const [name, client] of Object.entries(CLIENTS)) {
    for (const [kind, transports] of Object.entries(TRANSPORTS)) {
      const options = { transports, reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 };
      const socket = await connected(client, url, options);
      if (kind !== "polling") await upgraded(socket);
      const down = new Promise((resolve) => socket.once("disconnect", resolve));
      const again = down.then(() => new Promise((resolve) => socket.once("connect", resolve)));
      held.push({ name, kind, socket, down, again });
    }
  }
  console.error("held");
  for (const { name, kind, socket, down, again } of held) {
    await check(`${name} by ${kind} is told that the server goes down, and comes again`, async () => {
      const reason = await within(down, "disconnect");
      if (reason !== "transport close") throw new Error(`it took it for ${reason}`);
      await within(again, "a second connect");
      if ((await ask(socket, "only ack", 1)) !== 1) throw new Error("no answer");
      socket.close();
    });
  }
}

async function beat() {
  const checks = [];
  for (const [name, client] of Object.entries(CLIENTS)) {
    for (const [kind, transports] of Object.entries(TRANSPORTS)) {
      checks.push(check(`${name} by ${kind} lives by its heartbeat alone`, async () => {
        const socket = await connected(client, url, { transports });
        if (kind !== "polling") await upgraded(socket);
        let beats = 0;
        await within(new Promise((resolve, reject) => {
          socket.io.engine.on("pong", () => (beats += 1) === 14 && resolve());
          socket.on("disconnect", (reason) => reject(new Error(`${reason} after ${beats} beats`)));
        }), "a heartbeat");
        if ((await ask(socket, "only ack", 1)) !== 1) throw new Error("no answer");
        socket.off("disconnect");
        socket.close();
      }));
    }
  }
  await Promise.all(checks);
}

await ({ hold, beat }[process.argv[3]] ?? runAll)();
process.exit(0);
