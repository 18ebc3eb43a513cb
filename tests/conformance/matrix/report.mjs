// One JSON line per check on standard output. Import this first: the SDK logs to the console.

import assert from "node:assert/strict";

for (const name of ["trace", "debug", "log", "info", "warn", "error"]) console[name] = () => {};

export async function check(name, run) {
  const line = { check: name, ok: true, detail: "" };
  try {
    await run();
  } catch (error) {
    line.ok = false;
    line.detail = String(error.stack ?? error).slice(0, 2000);
  }
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

// The call fails with this status and Matrix error; answers the error.
export async function refuses(promise, httpStatus, errcode) {
  const error = await promise.then((found) => assert.fail(`no error but ${JSON.stringify(found)}`), (failed) => failed);
  assert.deepEqual({ httpStatus: error.httpStatus, errcode: error.errcode }, { httpStatus, errcode }, String(error));
  return error;
}
