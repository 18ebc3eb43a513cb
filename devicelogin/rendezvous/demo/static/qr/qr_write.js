// Bytes to a QR code: byte mode, level Q, as the protocol suggests. Drawn here, because the server should not see it.

import { LARGEST, MASKS, blocks, formatBits, formatPlaces, frame, path, power, sizeOf, times } from "./qr_shape.js";

const QUIET = 4; // modules of light around the code

// Rows of booleans, dark is true. Throws when there is too much for the largest version.
export function code(bytes, { mask } = {}) {
  const version = versionFor(bytes.length);
  const bits = interleaved(bytes, version);
  const masks = mask === undefined ? MASKS.map((_, index) => index) : [mask];
  const drawn = masks.map((index) => draw(version, bits, index));
  const costs = drawn.map(penalty);
  return drawn[costs.indexOf(Math.min(...costs))];
}

// An <svg> of a code: dark on light in every colour scheme, because readers expect it so.
export function picture(rows, { label }) {
  const side = rows.length + 2 * QUIET;
  const make = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const svg = make("svg", {
    viewBox: `0 0 ${side} ${side}`,
    role: "img",
    "aria-label": label,
    "shape-rendering": "crispEdges",
  });
  const dark = rows.flatMap((row, y) => row.map((is, x) => (is ? `M${x + QUIET} ${y + QUIET}h1v1h-1z` : "")));
  svg.append(
    make("rect", { width: side, height: side, fill: "#fff" }),
    make("path", { d: dark.join(""), fill: "#000" }),
  );
  return svg;
}

const countBits = (version) => (version < 10 ? 8 : 16);

function versionFor(length) {
  for (let version = 1; version <= LARGEST; version += 1) {
    const room = blocks(version).data.reduce((sum, words) => sum + words, 0) * 8;
    if (4 + countBits(version) + 8 * length <= room) return version;
  }
  throw new Error("too much for a QR code");
}

// --- Words ---------------------------------------------------------------------------------------

// The bits of the contents with their error correction, block by block woven into each other.
function interleaved(bytes, version) {
  const { data, correction } = blocks(version);
  const words = padded(
    bytes,
    version,
    data.reduce((sum, length) => sum + length, 0),
  );
  let at = 0;
  const parts = data.map((length) => words.slice(at, (at += length)));
  const checks = parts.map((part) => correctionOf(part, correction));
  const woven = (lists) => {
    const longest = Math.max(...lists.map((list) => list.length));
    return Array.from({ length: longest }, (_, index) => lists.map((list) => list[index])).flat();
  };
  return [...woven(parts), ...woven(checks)].filter((word) => word !== undefined).flatMap((word) => toBits(word, 8));
}

function padded(bytes, version, length) {
  const bits = [
    ...toBits(4, 4),
    ...toBits(bytes.length, countBits(version)),
    ...[...bytes].flatMap((byte) => toBits(byte, 8)),
  ];
  bits.push(...new Array(Math.min(4, length * 8 - bits.length)).fill(0));
  bits.push(...new Array((8 - (bits.length % 8)) % 8).fill(0));
  const words = Array.from({ length: bits.length / 8 }, (_, index) =>
    bits.slice(index * 8, index * 8 + 8).reduce((word, bit) => (word << 1) | bit, 0),
  );
  for (let filler = 0xec; words.length < length; filler ^= 0xec ^ 0x11) words.push(filler);
  return words;
}

const toBits = (value, count) => Array.from({ length: count }, (_, index) => (value >> (count - 1 - index)) & 1);

// Reed-Solomon: the remainder of the data by a polynomial with the roots 2^0, 2^1, …
function correctionOf(data, count) {
  let divisor = [1];
  for (let root = 0; root < count; root += 1) {
    divisor = [...divisor, 0].map((term, index) => term ^ times(divisor[index - 1] ?? 0, power(root)));
  }
  const rest = new Array(count).fill(0);
  for (const word of data) {
    const factor = word ^ rest.shift();
    rest.push(0);
    divisor.slice(1).forEach((term, index) => {
      rest[index] ^= times(term, factor);
    });
  }
  return rest;
}

// --- Modules -------------------------------------------------------------------------------------

function draw(version, bits, mask) {
  const fixed = frame(version);
  const rows = fixed.map((row) => row.slice());
  let at = 0;
  for (const [x, y] of path(fixed)) {
    rows[y][x] = (bits[at] === 1) !== MASKS[mask](x, y); // the last few places have no bit
    at += 1;
  }
  for (const places of formatPlaces(sizeOf(version))) {
    places.forEach(([x, y], bit) => {
      rows[y][x] = ((formatBits(mask) >> bit) & 1) === 1;
    });
  }
  return rows;
}

// How hard a code is to read: long runs, blocks of one colour, what looks like a corner, too much of one colour.
function penalty(rows) {
  const lines = [...rows, ...rows.map((_, x) => rows.map((row) => row[x]))].map((line) => line.map(Number).join(""));
  let cost = 0;
  for (const line of lines) {
    for (const [run] of line.matchAll(/0{5,}|1{5,}/g)) cost += run.length - 2;
    cost += 40 * [...line.matchAll(/(?=00001011101|10111010000)/g)].length;
  }
  for (let y = 1; y < rows.length; y += 1) {
    for (let x = 1; x < rows.length; x += 1) {
      const dark = rows[y][x] + rows[y - 1][x] + rows[y][x - 1] + rows[y - 1][x - 1];
      if (dark === 0 || dark === 4) cost += 3;
    }
  }
  const share = rows.flat().filter(Boolean).length / rows.length ** 2;
  return cost + 10 * Math.floor(Math.abs(share * 100 - 50) / 5);
}
