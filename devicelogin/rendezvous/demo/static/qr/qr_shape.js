// The shape of a QR code (ISO/IEC 18004): where things stand, and arithmetic in GF(256).
//
// A code is a square of rows of booleans, dark is true. Versions 1 to 25 of level Q, which is 117 modules and far more
// than a code for signing in needs.

export const LARGEST = 25;

// By version: words of error correction in each block, and how many blocks.
const CORRECTION = [13, 22, 18, 26, 18, 24, 18, 22, 20, 24, 28, 26, 24, 20, 30, 24, 28, 28, 26, 30, 28, 30, 30, 30, 30];
const BLOCKS = [1, 1, 2, 2, 4, 4, 6, 6, 8, 8, 8, 10, 12, 16, 12, 17, 16, 18, 21, 20, 23, 23, 25, 27, 29];
const LEVEL_Q = 3; // as the two bits of the format say

export const sizeOf = (version) => 17 + 4 * version;

export const MASKS = [
  (x, y) => (x + y) % 2 === 0,
  (x, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

// --- Fixed patterns ------------------------------------------------------------------------------

// Rows of the patterns that do not depend on the contents: true, false, or undefined where contents go. Places of the
// format are false.
export function frame(version) {
  const size = sizeOf(version);
  const rows = Array.from({ length: size }, () => new Array(size).fill(undefined));
  for (let at = 0; at < size; at += 1) rows[6][at] = rows[at][6] = at % 2 === 0;
  for (const [x, y] of [
    [3, 3],
    [size - 4, 3],
    [3, size - 4],
  ])
    ring(rows, x, y, 4, [2, 4]);
  const places = alignment(version);
  const last = places.length - 1;
  places.forEach((y, row) =>
    places.forEach((x, column) => {
      const meetsFinder = (row === 0 && (column === 0 || column === last)) || (row === last && column === 0);
      if (!meetsFinder) ring(rows, x, y, 2, [1]);
    }),
  );
  for (const [x, y] of formatPlaces(size).flat()) rows[y][x] = false;
  rows[size - 8][8] = true;
  if (version >= 7) {
    versionPlaces(size).forEach(([x, y], bit) => {
      rows[y][x] = rows[x][y] = ((versionBits(version) >> bit) & 1) === 1;
    });
  }
  return rows;
}

// Nested squares around a module: dark but for the rings that are `light`.
function ring(rows, x, y, radius, light) {
  for (let down = -radius; down <= radius; down += 1) {
    for (let right = -radius; right <= radius; right += 1) {
      const away = Math.max(Math.abs(down), Math.abs(right));
      if (rows[y + down] && x + right >= 0 && x + right < rows.length)
        rows[y + down][x + right] = !light.includes(away);
    }
  }
}

function alignment(version) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = 2 * Math.ceil((sizeOf(version) - 13) / (count - 1) / 2);
  const last = sizeOf(version) - 7;
  return [6, ...Array.from({ length: count - 1 }, (_, index) => last - step * (count - 2 - index))];
}

// The modules of both copies of the format, by bit, as [x, y].
export function formatPlaces(size) {
  const bits = Array.from({ length: 15 }, (_, bit) => bit);
  const corner = (bit) => {
    if (bit < 6) return [8, bit];
    if (bit < 8) return [8, bit + 1];
    return bit === 8 ? [7, 8] : [14 - bit, 8];
  };
  return [bits.map(corner), bits.map((bit) => (bit < 8 ? [size - 1 - bit, 8] : [8, size - 15 + bit]))];
}

const versionPlaces = (size) => Array.from({ length: 18 }, (_, bit) => [size - 11 + (bit % 3), Math.floor(bit / 3)]);

const versionBits = (version) => (version << 12) | remainder(version, 12, 0x1f25);

export function formatBits(mask) {
  const data = (LEVEL_Q << 3) | mask;
  return ((data << 10) | remainder(data, 10, 0x537)) ^ 0x5412;
}

function remainder(data, bits, divisor) {
  let rest = data;
  for (let step = 0; step < bits; step += 1) rest = (rest << 1) ^ ((rest >> (bits - 1)) * divisor);
  return rest;
}

// The modules that carry contents, as [x, y], in the order of their bits: up and down in columns of two.
export function* path(rows) {
  const size = rows.length;
  for (let right = size - 1; right > 0; right -= 2) {
    if (right === 6) right = 5; // past the timing pattern
    const isUpward = ((right + 1) & 2) === 0;
    for (let step = 0; step < size; step += 1) {
      const y = isUpward ? size - 1 - step : step;
      for (const x of [right, right - 1]) if (rows[y][x] === undefined) yield [x, y];
    }
  }
}

// --- Blocks --------------------------------------------------------------------------------------

// The lengths of the blocks in words: those of data, and of error correction in each.
export function blocks(version) {
  const rows = frame(version);
  const words = Math.floor(rows.flat().filter((module) => module === undefined).length / 8);
  const correction = CORRECTION[version - 1];
  const count = BLOCKS[version - 1];
  const shorter = Math.floor(words / count) - correction;
  const longer = words % count;
  return { correction, data: Array.from({ length: count }, (_, index) => shorter + (index >= count - longer ? 1 : 0)) };
}

// --- GF(256) with the polynomial 0x11d -----------------------------------------------------------

const EXP = new Uint8Array(512);
const LOG = new Uint8Array(256);
for (let power = 0, value = 1; power < 255; power += 1) {
  EXP[power] = EXP[power + 255] = value;
  LOG[value] = power;
  value = (value << 1) ^ ((value >> 7) * 0x11d);
}

export const power = (exponent) => EXP[exponent % 255];
export const times = (a, b) => (a && b ? EXP[LOG[a] + LOG[b]] : 0);
