// Every request of the page goes through here, so that all of them can be shown.

import { utf8 } from "./bytes.js";

// Names of what opens something: of these only the beginning is shown.
const SECRETS = ["access_token", "refresh_token", "id_token", "device_code", "code_verifier", "code", "token"];
const HEADERS = ["Authorization", "If-Match", "If-None-Match", "Content-Type"];

export const shortened = (secret) => `${secret.slice(0, 8)}…`;

export class Requests {
  // `onRequest` hears of each request when its answer is there.
  constructor(onRequest) {
    this.onRequest = onRequest;
  }

  // {status, ok, headers, text}; status 0 when no answer came. Cookies stay at home: a device has none.
  async ask(method, url, { headers = {}, body, signal } = {}) {
    const path = url.startsWith(location.origin) ? url.slice(location.origin.length) : url;
    const entry = { method, path, sent: said(headers, body), sentBytes: utf8(body ?? "").length };
    try {
      const answer = await fetch(url, {
        method,
        headers,
        body,
        signal,
        cache: "no-store",
        credentials: "omit",
        redirect: "error",
      });
      const received = await answer.text();
      this.onRequest({
        ...entry,
        status: answer.status,
        etag: answer.headers.get("ETag") ?? "",
        received: masked(received, answer.headers.get("Content-Type") ?? ""),
        receivedBytes: utf8(received).length,
      });
      return { status: answer.status, ok: answer.ok, headers: answer.headers, text: received };
    } catch (error) {
      signal?.throwIfAborted();
      this.onRequest({ ...entry, status: 0, etag: "", received: error.message, receivedBytes: 0 });
      return { status: 0, ok: false, headers: new Headers(), text: "" };
    }
  }

  // A page that the browser opens: what it answers is not for a script to see.
  notePage(url) {
    const { origin, pathname, search } = new URL(url);
    const path = `${origin === location.origin ? "" : origin}${pathname}${maskedForm(search)}`;
    this.onRequest({
      method: "GET",
      path,
      status: "page",
      etag: "",
      sent: "",
      sentBytes: 0,
      received: "",
      receivedBytes: 0,
    });
  }
}

// The JSON of an answer, {} when it is none.
export function json(answer) {
  try {
    const value = JSON.parse(answer.text);
    return value && typeof value === "object" ? value : {};
  } catch {
    return {};
  }
}

// --- As it is shown ------------------------------------------------------------------------------

function said(headers, body) {
  const lines = HEADERS.filter((name) => headers[name]).map((name) => `${name}: ${headerShown(name, headers[name])}`);
  return [...lines, ...(body ? [masked(body, headers["Content-Type"] ?? "")] : [])].join("\n");
}

function headerShown(name, value) {
  return name === "Authorization" ? value.replace(/ (.*)/, (_, secret) => ` ${shortened(secret)}`) : value;
}

function masked(body, type) {
  if (type.startsWith("application/json")) return maskedJson(body);
  return type.startsWith("application/x-www-form-urlencoded") ? maskedForm(body) : body;
}

function maskedJson(body) {
  const hide = (name, value) => (SECRETS.includes(name) && typeof value === "string" ? shortened(value) : value);
  try {
    return JSON.stringify(JSON.parse(body, hide), null, 2);
  } catch {
    return body;
  }
}

function maskedForm(form) {
  return form.replace(/([^?&=]+)=([^&]*)/g, (pair, name, value) =>
    SECRETS.includes(name) ? `${name}=${shortened(value)}` : pair,
  );
}
