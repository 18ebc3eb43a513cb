// A rendezvous session, in the form of 2024: one text at the server that two devices take turns to write.
//
// The server tells states apart by ETag. A write names the state it follows (If-Match), so that of two devices that
// scanned one code only the first gets in; a read names the state it knows (If-None-Match), and is told when there is
// a new one.

import { json } from "./requests.js";

const CREATE = "/_matrix/client/unstable/org.matrix.msc4108/rendezvous";
const PAUSE = 1000; // milliseconds between two reads
const TEXT = { "Content-Type": "text/plain" };

// Why it does not go on: `reason` is a word of the protocol or of this page.
export class Ended extends Error {
  constructor(reason, detail = "") {
    super(detail || reason);
    this.reason = reason;
  }
}

export class Slot {
  constructor(requests, url, signal) {
    Object.assign(this, { requests, url, signal, tag: null, isOurs: false, lifetime: 0 });
  }

  static async create(requests, base, signal) {
    const answer = await requests.ask("POST", base + CREATE, { headers: TEXT, body: "", signal });
    if (answer.status === 401 || answer.status === 403) throw new Ended("may_not_create");
    if (answer.status !== 201) throw new Ended("no_rendezvous", `${answer.status} ${json(answer).error ?? ""}`);
    const slot = new Slot(requests, json(answer).url, signal);
    slot.note(answer);
    return slot;
  }

  // What is in the slot when somebody comes to it; it should be empty.
  async look() {
    const answer = await this.ask("GET");
    if (answer.status !== 200) throw new Ended("gone");
    return answer.text;
  }

  // Puts a text into the slot. The same again does no harm: an answer may have been lost.
  async send(text) {
    for (let tries = 3; ; tries -= 1) {
      const answer = await this.ask("PUT", { headers: { ...TEXT, "If-Match": this.tag }, body: text });
      if (answer.ok) {
        this.isOurs = true;
        return;
      }
      if (answer.status === 404) throw new Ended("gone");
      if (answer.status === 412) throw new Ended("taken");
      if (tries === 1) throw new Ended("unreachable", `${answer.status}`);
      await pause(PAUSE, this.signal);
    }
  }

  // Waits for the next text of the other device.
  async receive() {
    for (;;) {
      const text = await this.changed();
      if (text !== null) return text;
      await pause(PAUSE, this.signal);
    }
  }

  // The other device's text when there is a new one, otherwise null. What is no answer of a rendezvous is asked again.
  async changed() {
    const answer = await this.ask("GET", { headers: { "If-None-Match": this.tag } });
    if (answer.status === 404) throw new Ended("gone");
    if (answer.status !== 200) return null;
    this.isOurs = false;
    return answer.text;
  }

  // Ends the session for both. Whatever the answer: it is over here.
  async close() {
    await this.requests.ask("DELETE", this.url);
  }

  async ask(method, options = {}) {
    const answer = await this.requests.ask(method, this.url, { ...options, signal: this.signal });
    if (answer.status === 200 || answer.status === 202) this.note(answer);
    return answer;
  }

  // Only an answer that worked says what is known here: after a 412 the tag is of a text that was not read.
  note(answer) {
    this.tag = answer.headers.get("ETag") ?? this.tag;
    const [until, from] = ["Expires", "Date"].map((name) => Date.parse(answer.headers.get(name) ?? ""));
    if (until) this.lifetime = until - (from || Date.now()); // by the server's clock, as far as it tells
  }
}

// Resolves after the milliseconds, or rejects with the signal.
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const timer = setTimeout(done, milliseconds);
    function done() {
      signal?.removeEventListener("abort", stop);
      resolve();
    }
    function stop() {
      clearTimeout(timer);
      reject(signal.reason);
    }
    signal?.addEventListener("abort", stop, { once: true });
  });
}
