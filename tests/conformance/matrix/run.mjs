// node run.mjs, with the installations as JSON in LATCHKEY_INSTALLATIONS and their operator's command in
// LATCHKEY_OPERATING.

import "./report.mjs";
import { accountChecks } from "./checks/account.mjs";
import { deviceChecks } from "./checks/devices.mjs";
import { discoveryChecks } from "./checks/discovery.mjs";
import { refreshChecks } from "./checks/refresh.mjs";
import { signInChecks } from "./checks/sign_in.mjs";
import { strictChecks } from "./checks/strict.mjs";

const { open, strict, narrow } = JSON.parse(process.env.LATCHKEY_INSTALLATIONS);
await discoveryChecks(open);
await signInChecks(open, narrow);
await refreshChecks(open);
await deviceChecks(open);
await accountChecks(open);
await strictChecks(strict);
