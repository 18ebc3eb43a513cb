// What is in the QR code: bytes, not text (MSC4108, the form of 2024).
//
//   "MATRIX" | 0x02 | mode | public key of the device that shows it (32) | length (2) | address of the rendezvous
//   and, when the signed-in device shows it: | length (2) | homeserver

import { joined, text, utf8 } from "./bytes.js";

export const NEW_SHOWS = 0x03;
export const EXISTING_SHOWS = 0x04;

const MAGIC = utf8("MATRIX");
const VERSION = 0x02;

export class NotACode extends Error {}

export function contents({ mode, publicKey, url, homeserver }) {
  const server = mode === EXISTING_SHOWS ? withLength(homeserver) : new Uint8Array();
  return joined(MAGIC, Uint8Array.of(VERSION, mode), publicKey, withLength(url), server);
}

// The parts again; throws NotACode in words that a person can use.
export function parsed(bytes) {
  if (!MAGIC.every((byte, index) => bytes[index] === byte)) throw new NotACode("This is no code for signing in.");
  const [version, mode] = bytes.subarray(6, 8);
  if (version !== VERSION) throw new NotACode("This code is of another version of the protocol.");
  if (mode !== NEW_SHOWS && mode !== EXISTING_SHOWS)
    throw new NotACode("This code does not say which device shows it.");
  const rest = new Rest(bytes.subarray(8));
  const found = { mode, publicKey: rest.take(32), url: rest.takeText() };
  if (mode === EXISTING_SHOWS) found.homeserver = rest.takeText();
  if (rest.bytes.length) throw new NotACode("This code is longer than it should be.");
  return found;
}

function withLength(string) {
  const bytes = utf8(string);
  return joined(Uint8Array.of(bytes.length >> 8, bytes.length & 255), bytes);
}

class Rest {
  constructor(bytes) {
    this.bytes = bytes;
  }

  take(length) {
    if (this.bytes.length < length) throw new NotACode("This code is cut short. Was all of it copied?");
    const taken = this.bytes.slice(0, length);
    this.bytes = this.bytes.subarray(length);
    return taken;
  }

  takeText() {
    const [high, low] = this.take(2);
    try {
      return text(this.take((high << 8) | low));
    } catch (error) {
      throw error instanceof NotACode ? error : new NotACode("This code is damaged.");
    }
  }
}
