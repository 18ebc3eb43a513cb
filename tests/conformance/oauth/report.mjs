// One JSON line per check on standard output.

import assert from "node:assert/strict";

export async function check(name, run) {
  const line = { check: name, ok: true, detail: "" };
  try {
    await run();
  } catch (error) {
    line.ok = false;
    line.detail = `${error.stack ?? error} ${JSON.stringify(error.cause ?? "")}`.slice(0, 2000);
  }
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

// The call fails with this OAuth error and status; answers the library's error.
export async function refuses(promise, status, code) {
  const error = await promise.then((found) => assert.fail(`no error but ${JSON.stringify(found)}`), (failed) => failed);
  assert.deepEqual({ status: error.status, error: error.error }, { status, error: code }, String(error.stack));
  assert.equal(typeof error.error_description, "string");
  return error;
}
