// node run.mjs BASE_URL: every check against a live server, one JSON line each.
// node run.mjs BASE_URL brief: without signatures of openpgp 2.5.14, which take seconds: what it signs was tried on the
// other server.

import * as connecting from "./checks/connecting.mjs";
import * as directory from "./checks/directory.mjs";
import * as login from "./checks/login.mjs";
import { story } from "./checks/signaling.mjs";
import { stranger } from "./checks/stranger.mjs";
import { NEW, OLD, USES } from "./pgp.mjs";
import { Person } from "./person.mjs";
import { Server } from "./server.mjs";
import { KINDS, PLAIN } from "./sockets.mjs";

const server = new Server(process.argv[2]);
const isBrief = process.argv[3] === "brief";
const someone = () => Person.signedIn(server, NEW, "Ed25519 (27)");
const wrtc = await import("@roamhq/wrtc").then(({ default: found }) => found, () => ({
  missing: "needs @roamhq/wrtc, which has no build for this machine: the signals of simple-peer are not tried",
}));

const ended = await stranger(await someone());
const historic = [];
for (const { kind, library } of USES) {
  if (isBrief ? library === OLD : historic.some((person) => person.kind === kind)) continue;
  const person = await directory.registered(server, { kind, library }, historic.length % 2 ? "JSON" : "form");
  await login.signsIn(person, library === OLD ? ["form"] : undefined); // a signature of old takes up to a second
  if (library === OLD) historic.push(person);
}
// A key of old in the new library: the application was updated, its owner was not.
for (const { kind, username } of [...historic]) {
  await login.signsIn(await Person.made(server, NEW, kind, username));
}
const [carol, dave] = [await someone(), await someone()];
await directory.refusedRegistrations(server, carol);
await directory.crossOrigin(server);
await login.sessionTokens(server, carol);
await login.refusals(server, carol, dave);
await login.replays(carol);
await login.longLines(server);
await connecting.everyTransport(carol);
await connecting.refusals(carol, dave);
const four = (kind) => [kind, kind, kind, kind];
if (!isBrief) {
  const [alice, bob] = historic;
  await login.signsInAlways(alice);
  await story("2.0.4 with openpgp 2.5.14", { alice, bob }, four("2.0.4"), { wrtc, isShort: true });
}
for (const kind of KINDS) {
  await story(kind, { alice: await someone(), bob: await someone() }, four(kind), { wrtc });
}
await story("all mixed", { alice: await someone(), bob: await someone() }, ["2.0.4", PLAIN, "4.8.1", "2.5.0"], { wrtc });
await ended();
process.exit(0);
