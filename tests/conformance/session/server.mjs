// The server under test, over HTTP and by its management commands.

import { execFileSync } from "node:child_process";

export class Server {
  constructor(baseUrl, manage) {
    this.baseUrl = baseUrl;
    this.command = manage;
  }

  async ask(method, path, { token, json, body, headers = {} } = {}) {
    const all = { ...headers };
    if (token !== undefined) all.Authorization = `Bearer ${token}`;
    if (json !== undefined) all["Content-Type"] = "application/json";
    const response = await fetch(this.baseUrl + path, {
      method,
      headers: all,
      body: json === undefined ? body : JSON.stringify(json),
      redirect: "manual",
    });
    const text = await response.text();
    let parsed;
    try {
      parsed = JSON.parse(text);
    } catch {
      parsed = undefined;
    }
    return { status: response.status, ok: response.ok, headers: response.headers, text, json: parsed };
  }

  // Runs `manage.py` on the same installation.
  manage(...args) {
    const [program, ...first] = this.command;
    return execFileSync(program, [...first, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  }
}
