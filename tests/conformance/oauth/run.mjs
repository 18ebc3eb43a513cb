// node run.mjs, with the server's port and the person's address as JSON in LATCHKEY_OAUTH.

import { codeChecks } from "./checks/code.mjs";
import { deviceChecks } from "./checks/device.mjs";
import { discoveryChecks } from "./checks/discovery.mjs";
import { refreshChecks } from "./checks/refresh.mjs";
import { serverChecks } from "./checks/servers.mjs";

const devices = deviceChecks(); // they wait between polls while the others run
await discoveryChecks();
await codeChecks();
await refreshChecks();
await serverChecks();
await devices;
