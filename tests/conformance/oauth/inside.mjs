// The way to the server, which is an https host to the libraries, and to the person who sits at a browser.

import http from "node:http";

const { port, person } = JSON.parse(process.env.LATCHKEY_OAUTH);

export const ISSUER = new URL("https://id.example.org/");

// What a reverse proxy does: TLS ends, the name stays. Takes the arguments of `fetch`.
export function inside(url, { method = "GET", headers = {}, body } = {}) {
  const { host, pathname, search } = new URL(url);
  if (host !== ISSUER.host) throw new Error(`a foreign host: ${url}`);
  const content = body === undefined || body === null ? "" : String(body);
  const sent = { ...Object.fromEntries(new Headers(headers)), host, "x-forwarded-proto": "https" };
  if (content) sent["content-length"] = Buffer.byteLength(content);
  return new Promise((resolve, reject) => {
    const request = http.request({ host: "127.0.0.1", port, path: pathname + search, method, headers: sent }, (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("end", () => resolve(response(answer, Buffer.concat(chunks))));
    });
    request.on("error", reject);
    request.end(content);
  });
}

function response(answer, content) {
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headers)) headers.append(name, String(value));
  return new Response(content.length ? content : null, { status: answer.statusCode, headers });
}

// What somebody does at a browser, or the operator at the database; see asking.py for the verbs.
export async function ask(verb, facts = {}) {
  const answer = await fetch(person, { method: "POST", body: JSON.stringify({ verb, ...facts }) });
  const told = await answer.json();
  if (!answer.ok) throw new Error(`${verb}: ${told.trace}`);
  return told;
}
