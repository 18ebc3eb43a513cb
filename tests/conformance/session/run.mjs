// node run.mjs BASE_URL, with the command line of manage.py as a JSON list in LATCHKEY_MANAGE.

import { Server } from "./server.mjs";
import { expiryCheck } from "./checks/expiry.mjs";
import { listChecks } from "./checks/lists.mjs";
import { loginChecks } from "./checks/login.mjs";
import { moderationChecks, newModerator } from "./checks/moderation.mjs";
import { refusalChecks } from "./checks/refusals.mjs";
import { refreshChecks } from "./checks/refresh.mjs";

const server = new Server(process.argv[2], JSON.parse(process.env.LATCHKEY_MANAGE));
const expired = await expiryCheck(server); // it waits for its challenge to expire while the others run
const moderator = await newModerator(server);
await loginChecks(server);
await refreshChecks(server);
await refusalChecks(server);
await moderationChecks(server, moderator);
await listChecks(server, moderator);
await expired();
