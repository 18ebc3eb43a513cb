// One JSON line per check on standard output.

import assert from "node:assert/strict";

export async function check(name, run) {
  const line = { check: name, ok: true, detail: "" };
  try {
    await run();
  } catch (error) {
    line.ok = false;
    line.detail = String(error.message ?? error).slice(0, 2000);
  }
  console.log(JSON.stringify(line));
}

// The status and the exact body; `body` is a value for JSON.
export function answers(answer, status, body) {
  assert.deepEqual({ status: answer.status, body: answer.json ?? answer.text }, { status, body });
}

export const plain = (error) => ({ error });
export const appNet = (code, error_message) => ({ meta: { code, error_message } });
export const done = { meta: { code: 200 }, data: [] };
export const BAD_TOKEN = appNet(401, "Call requires authentication: Authentication required to fetch token.");
