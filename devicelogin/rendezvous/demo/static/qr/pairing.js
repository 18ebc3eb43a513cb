// Two devices meet: one shows a code, the other scans it, and there is a channel that only they can read.

import { generator, scanner } from "./channel.js";
import { EXISTING_SHOWS, contents, NEW_SHOWS } from "./code.js";
import { Ended, Slot } from "./slot.js";

export const NEW = "new";
export const EXISTING = "existing";

// Shows a code and waits for whoever scans it. `onCode` gets the bytes of the code and how long it lives, in ms.
export async function show({ requests, base, role, homeserver, onCode, onMessage, signal }) {
  const us = await generator();
  const slot = await Slot.create(requests, base, signal);
  const pairing = new Pairing({ slot, onMessage, isGenerator: true });
  try {
    const mode = role === NEW ? NEW_SHOWS : EXISTING_SHOWS;
    onCode(contents({ mode, publicKey: us.publicKey, url: slot.url, homeserver }), slot.lifetime);
    const { ok, channel } = await us.accept(await slot.receive());
    await slot.send(ok);
    pairing.channel = channel;
    return pairing;
  } catch (error) {
    if (error.reason !== "gone") await slot.close(); // whatever it was: nobody else should come in
    throw unsafe(error);
  }
}

// Answers a code that was scanned. The check code can be shown at once: the answer has proved whose code it was.
export async function scan({ requests, base, role, code, onMessage, signal }) {
  const wanted = role === NEW ? EXISTING_SHOWS : NEW_SHOWS;
  if (code.mode !== wanted) throw new Ended("same_role");
  if (!code.url.startsWith(`${base}/`)) throw new Ended("elsewhere", code.url);
  const slot = new Slot(requests, code.url, signal);
  if (await slot.look()) throw new Ended("taken");
  try {
    const us = await scanner(code.publicKey);
    await slot.send(us.initiate);
    const channel = us.confirm(await slot.receive());
    return new Pairing({ slot, channel, onMessage, isGenerator: false, homeserver: code.homeserver });
  } catch (error) {
    if (!["gone", "taken"].includes(error.reason)) await slot.close();
    throw unsafe(error);
  }
}

// What cannot be opened was not sealed by the device whose code this is.
function unsafe(error) {
  return error instanceof Ended || error.name === "AbortError" ? error : new Ended("not_secure", error.message);
}

export class Pairing {
  constructor(parts) {
    Object.assign(this, { channel: null, homeserver: "" }, parts);
  }

  get checkCode() {
    return this.channel.checkCode;
  }

  async send(message) {
    this.onMessage("sent", message);
    await this.slot.send(this.channel.seal(message));
  }

  // The next message, which must be of one of the types. The other device's failure ends the login.
  async receive(...types) {
    return this.read(await this.slot.receive(), types);
  }

  // The same without waiting: null while there is none.
  async received(...types) {
    const text = await this.slot.changed();
    return text === null ? null : this.read(text, types);
  }

  async read(text, types) {
    let message;
    try {
      message = this.channel.open(text);
    } catch (error) {
      throw new Ended("not_secure", error.message);
    }
    this.onMessage("received", message);
    if (types.includes(message.type)) return message;
    await this.slot.close();
    if (message.type === "m.login.failure") throw new Ended("theirs", message.reason);
    if (message.type === "m.login.declined") throw new Ended("declined");
    throw new Ended("unexpected_message_received", message.type);
  }

  // The last word, if it is our turn to write; otherwise, or when that fails, the end of the session tells enough.
  async tell(message) {
    try {
      if (this.channel && !this.slot.isOurs) return await this.send(message);
    } catch (error) {
      if (!(error instanceof Ended)) throw error;
    }
    return this.slot.close();
  }

  fail(reason) {
    return this.tell({ type: "m.login.failure", reason });
  }

  // The person has had enough, whatever was going on.
  cancel() {
    this.slot.signal = undefined;
    return this.fail("user_cancelled");
  }
}
