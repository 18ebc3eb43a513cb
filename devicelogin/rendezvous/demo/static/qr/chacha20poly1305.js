// ChaCha20-Poly1305 (RFC 8439): browsers have everything else of the channel, but not this cipher.
//
// Short rather than fast, and BigInt takes a time that depends on the numbers: for a demonstration, not for a product.

import { joined } from "./bytes.js";

const TAG = 16; // bytes

// --- ChaCha20, section 2.3 and 2.4 ---------------------------------------------------------------

const CONSTANTS = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]; // "expand 32-byte k"
const COLUMNS = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
];
const DIAGONALS = [
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
];
const ROUNDS = [...COLUMNS, ...DIAGONALS];

const turned = (word, bits) => (word << bits) | (word >>> (32 - bits));

function quarterRound(s, a, b, c, d) {
  s[a] += s[b];
  s[d] = turned(s[d] ^ s[a], 16);
  s[c] += s[d];
  s[b] = turned(s[b] ^ s[c], 12);
  s[a] += s[b];
  s[d] = turned(s[d] ^ s[a], 8);
  s[c] += s[d];
  s[b] = turned(s[b] ^ s[c], 7);
}

const words = (bytes) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / 4 }, (_, index) => view.getUint32(index * 4, true));
};

// 64 bytes of the key stream. `key`: 32 bytes, `nonce`: 12 bytes.
export function block(key, counter, nonce) {
  const start = Uint32Array.of(...CONSTANTS, ...words(key), counter, ...words(nonce));
  const state = Uint32Array.from(start);
  for (let round = 0; round < 10; round += 1) ROUNDS.forEach((four) => quarterRound(state, ...four));
  const stream = new DataView(new ArrayBuffer(64));
  state.forEach((word, index) => stream.setUint32(index * 4, word + start[index], true));
  return new Uint8Array(stream.buffer);
}

export function chacha20(key, counter, nonce, bytes) {
  const result = Uint8Array.from(bytes);
  for (let at = 0; at < bytes.length; at += 64) {
    const stream = block(key, counter + at / 64, nonce);
    for (let index = at; index < Math.min(at + 64, bytes.length); index += 1) result[index] ^= stream[index - at];
  }
  return result;
}

// --- Poly1305, section 2.5 -----------------------------------------------------------------------

const PRIME = (1n << 130n) - 5n;
const CLAMP = 0x0ffffffc0ffffffc0ffffffc0fffffffn;

const number = (bytes) => bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n); // little-endian

export function poly1305(key, bytes) {
  const r = number(key.subarray(0, 16)) & CLAMP;
  let sum = 0n;
  for (let at = 0; at < bytes.length; at += 16) {
    const part = bytes.subarray(at, at + 16);
    sum = ((sum + number(part) + (1n << BigInt(8 * part.length))) * r) % PRIME;
  }
  sum += number(key.subarray(16, 32));
  return Uint8Array.from({ length: TAG }, (_, index) => Number((sum >> BigInt(8 * index)) & 0xffn));
}

// --- Both together, section 2.8 ------------------------------------------------------------------

function length(bytes) {
  const eight = new DataView(new ArrayBuffer(8));
  eight.setBigUint64(0, BigInt(bytes.length), true);
  return new Uint8Array(eight.buffer);
}

function tagOf(key, nonce, ciphertext, aad) {
  const padding = (bytes) => new Uint8Array((16 - (bytes.length % 16)) % 16);
  const all = joined(aad, padding(aad), ciphertext, padding(ciphertext), length(aad), length(ciphertext));
  return poly1305(block(key, 0, nonce).subarray(0, 32), all);
}

// Ciphertext and 16 bytes of tag.
export function seal(key, nonce, plaintext, aad = new Uint8Array()) {
  const ciphertext = chacha20(key, 1, nonce, plaintext);
  return joined(ciphertext, tagOf(key, nonce, ciphertext, aad));
}

// Throws unless the tag is right.
export function open(key, nonce, sealed, aad = new Uint8Array()) {
  if (sealed.length < TAG) throw new Error("too short for a sealed message");
  const ciphertext = sealed.subarray(0, -TAG);
  const wanted = tagOf(key, nonce, ciphertext, aad);
  const given = sealed.subarray(-TAG);
  if (wanted.reduce((different, byte, index) => different | (byte ^ given[index]), 0)) {
    throw new Error("not sealed with this key, or not the next message");
  }
  return chacha20(key, 1, nonce, ciphertext);
}
