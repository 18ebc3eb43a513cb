// One JSON line per check on standard output.

const lines = [];

export async function check(name, run) {
  const line = { check: name, ok: true, detail: "" };
  try {
    await run();
  } catch (error) {
    line.ok = false;
    line.detail = String(error.stack ?? error.message ?? error).slice(0, 2000);
  }
  lines.push(line);
  console.log(JSON.stringify(line));
}

// For what this machine cannot run: the check is reported as skipped.
export function skip(name, reason) {
  console.log(JSON.stringify({ check: name, ok: true, detail: "", skip: reason }));
}
