// A challenge that is too old (session-open-group.md §5.3); the server runs with the shortest lifetime it allows.

import { setTimeout as sleep } from "node:timers/promises";
import { answers, check, plain } from "../report.mjs";
import { SessionClient } from "../session_client.mjs";

const LIFETIME = Number(process.env.SESSION_CHALLENGE_LIFETIME) * 1000;

// Takes the challenge now; what it returns does the check when the time is over.
export async function expiryCheck(server) {
  const client = new SessionClient(server);
  const token = await client.requestToken();
  const over = Date.now() + LIFETIME + 1000;
  return () =>
    check("an expired challenge is refused", async () => {
      await sleep(Math.max(0, over - Date.now()));
      answers(await client.submit(token), 401, plain("invalid"));
    });
}
