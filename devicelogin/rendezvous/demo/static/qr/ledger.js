// Two lists beside the page: what the server sees, and what only the two devices see.

import { meaning } from "./meanings.js";

const ALIKE = 3; // how far back an equal request is counted instead of shown again

export class Ledger {
  constructor({ requests, messages }) {
    Object.assign(this, { requests, messages, entries: [] });
  }

  // Polls repeat: the same request with the same answer gets a number.
  request(entry) {
    const key = JSON.stringify([entry.method, entry.path, entry.status, entry.etag, entry.sent, entry.received]);
    const same = this.entries.slice(-ALIKE).find((other) => other.key === key);
    if (same) {
      same.times += 1;
      same.element.querySelector(".times").textContent = `× ${same.times}`;
      return;
    }
    const shown = { ...entry, key, times: entry.times ?? 1 };
    shown.element = requestElement(shown);
    this.entries.push(shown);
    this.add(this.requests, shown.element);
  }

  message(direction, message) {
    const heading = make("p", "meaning", direction === "sent" ? "→ " : "← ");
    heading.append(make("code", "", message.type));
    const item = make("li", direction);
    item.append(heading, make("pre", "", JSON.stringify(message, null, 2)));
    this.add(this.messages, item);
  }

  add(list, element) {
    empty(list).hidden = true;
    list.append(element);
    list.scrollTop = list.scrollHeight; // within its box: the page itself stays where it is
  }

  clear() {
    this.entries = [];
    for (const list of [this.requests, this.messages]) {
      list.replaceChildren();
      empty(list).hidden = false;
    }
  }

  // To be kept while the browser is away at another page.
  get kept() {
    return this.entries.map(({ key, element, ...entry }) => entry);
  }
}

const empty = (list) => list.parentElement.querySelector(".empty");

function requestElement(entry) {
  const { method, path, status, etag, sent, received, sentBytes, receivedBytes, times } = entry;
  const first = make("p");
  first.append(make("code", "", `${method} ${path}`));
  const facts = make("p", "answer");
  facts.append(make("strong", statusClass(status), status === 0 ? "no answer" : `${status}`));
  if (etag) facts.append(" ETag ", make("code", "", etag));
  if (status !== "page") facts.append(` ${sentBytes} B sent, ${receivedBytes} B received `);
  facts.append(make("span", "times", times > 1 ? `× ${times}` : ""));
  const item = make("li");
  item.append(make("p", "meaning", meaning(entry)), first, facts);
  if (sent || received) item.append(detail(sent, received));
  return item;
}

function detail(sent, received) {
  const details = make("details");
  details.append(make("summary", "", "What was said"));
  if (sent) details.append(make("pre", "sent", sent));
  if (received) details.append(make("pre", "received", received));
  return details;
}

function statusClass(status) {
  if (status === 0 || status >= 500) return "bad";
  return status < 400 ? "good" : ""; // of 4xx some are what one waits for
}

function make(tag, name = "", text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.textContent = text;
  return element;
}
