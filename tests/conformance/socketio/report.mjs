// One JSON line per check on standard output.

export async function check(name, run) {
  const line = { check: name, ok: true, detail: "" };
  try {
    await run();
  } catch (error) {
    line.ok = false;
    line.detail = String(error.stack ?? error.message ?? error).slice(0, 2000);
  }
  console.log(JSON.stringify(line));
}
