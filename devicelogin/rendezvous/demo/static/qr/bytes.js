// Bytes, and the texts they are sent as.

export const utf8 = (text) => new TextEncoder().encode(text);

// Throws on what is no UTF-8.
export const text = (bytes) => new TextDecoder("utf-8", { fatal: true }).decode(bytes);

export function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

// Standard base64 without padding, as every text of the channel.
export function base64(bytes) {
  return btoa(String.fromCharCode(...bytes)).replace(/=+$/, "");
}

// Of either alphabet, with or without padding; blanks from a copied line do no harm. Throws on anything else.
export function unbase64(coded) {
  const plain = coded.replace(/\s/g, "").replace(/-/g, "+").replace(/_/g, "/").replace(/=+$/, "");
  return Uint8Array.from(atob(plain), (char) => char.charCodeAt(0));
}

export const base64url = (bytes) => base64(bytes).replace(/\+/g, "-").replace(/\//g, "_");

export const random = (length) => crypto.getRandomValues(new Uint8Array(length));
