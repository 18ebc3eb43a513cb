// Where everything is, and the person at a browser. Importing this silences the SDK and notes what is asked over HTTP.

import "../matrix/report.mjs";

const { baseUrl, accountUrl, serverName, password, person } = JSON.parse(process.env.LATCHKEY_QR);
export { accountUrl, baseUrl, password, serverName };

// Every request so far, of both devices: {method, path, status}; a path as it went over the wire.
export const seen = [];

const wire = globalThis.fetch;

// The name of the server is found over https; in here that is the port of the test.
globalThis.fetch = async (resource, options) => {
  const url = String(resource).replace(`https://${serverName}/`, `${accountUrl}/`);
  const answer = await wire(url, options);
  const method = options?.method ?? "GET";
  seen.push({ method, path: url.replace(baseUrl, "").split("?")[0], status: answer.status });
  return answer;
};

// The statuses of one kind of request, in order.
export const statuses = (method, path) =>
  seen.filter((one) => one.method === method && one.path === path).map((one) => one.status);

// What somebody does at a browser, or the operator at the database; see asking.py for the verbs.
export async function ask(verb, facts = {}) {
  const answer = await wire(person, { method: "POST", body: JSON.stringify({ verb, ...facts }) });
  const told = await answer.json();
  if (!answer.ok) throw new Error(`${verb}: ${told.trace}`);
  return told;
}
