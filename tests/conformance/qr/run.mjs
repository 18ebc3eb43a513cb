// node run.mjs NAME…, with the server and the person's address as JSON in LATCHKEY_QR. All checks at once: they wait.

import "./world.mjs";
import { offeredChecks, withheldChecks } from "./checks/offered.mjs";
import { refusedChecks } from "./checks/refused.mjs";
import { strangerChecks } from "./checks/strangers.mjs";
import { chainChecks, wholeChecks } from "./checks/whole.mjs";

const known = {
  offered: offeredChecks,
  whole: wholeChecks,
  refused: refusedChecks,
  chain: chainChecks,
  strangers: strangerChecks,
  withheld: withheldChecks,
};
await Promise.all(process.argv.slice(2).map((name) => known[name]()));
process.exit(0); // the SDK's timers would hold it
