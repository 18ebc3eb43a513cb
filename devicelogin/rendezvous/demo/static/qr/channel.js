// The secure channel of signing in by QR code, as today's apps speak it: MSC4108, the form of 2024.
//
// G shows the code, S scans it. Both make an X25519 key pair for this one login. From the shared secret come a key for
// each direction, and a check code that only these two can know. Nothing here touches the network:
//
//   const them = await generator();                  // G: put them.publicKey into the code
//   const us = await scanner(publicKeyOfTheCode);    // S: send us.initiate
//   const { ok, channel } = await them.accept(initiate);          // G: send ok
//   const channel = us.confirm(ok);                               // S
//   channel.checkCode; channel.seal({ type: … }); channel.open(text);

import { base64, text, unbase64, utf8 } from "./bytes.js";
import { open, seal } from "./chacha20poly1305.js";

const INITIATE = "MATRIX_QR_CODE_LOGIN_INITIATE";
const OK = "MATRIX_QR_CODE_LOGIN_OK";

// G's half: its public key for the code, and the answer to whoever scanned it.
export async function generator() {
  const pair = await keyPair();
  return {
    publicKey: pair.publicKey,
    async accept(initiate) {
      const [sealed, theirs] = initiate.split("|");
      if (!theirs) throw new Error("this is no first message of a channel");
      const scannerKey = unbase64(theirs);
      const keys = await derived(await agreed(pair.privateKey, scannerKey), pair.publicKey, scannerKey);
      const ends = endsOf(keys.generator, keys.scanner, keys.checkCode);
      if (ends.opened(sealed) !== INITIATE) throw new Error("this is no first message of a channel");
      return { ok: ends.sealed(OK), channel: ends.channel };
    },
  };
}

// S's half: the first message, and what the answer to it makes.
export async function scanner(generatorKey) {
  const pair = await keyPair();
  const keys = await derived(await agreed(pair.privateKey, generatorKey), generatorKey, pair.publicKey);
  const ends = endsOf(keys.scanner, keys.generator, keys.checkCode);
  return {
    initiate: `${ends.sealed(INITIATE)}|${base64(pair.publicKey)}`,
    confirm(ok) {
      if (ends.opened(ok) !== OK) throw new Error("this is no answer to the first message");
      return ends.channel;
    },
  };
}

async function keyPair() {
  const pair = await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]);
  return {
    privateKey: pair.privateKey,
    publicKey: new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)),
  };
}

// The shared secret; the browser itself refuses a public key that would make it all zero.
export async function agreed(privateKey, publicKey) {
  const other = await crypto.subtle.importKey("raw", publicKey, { name: "X25519" }, false, []);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "X25519", public: other }, privateKey, 256));
}

// Released programs all use SHA-512 here, though the proposal's text says SHA-256.
export async function derived(secret, generatorKey, scannerKey) {
  const material = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const take = async (name, bytes) => {
    const info = utf8(`MATRIX_QR_CODE_LOGIN_${name}|${base64(generatorKey)}|${base64(scannerKey)}`);
    const how = { name: "HKDF", hash: "SHA-512", salt: new Uint8Array(), info };
    return new Uint8Array(await crypto.subtle.deriveBits(how, material, bytes * 8));
  };
  const [first, second] = await take("CHECKCODE", 2);
  return {
    scanner: await take("ENCKEY_S", 32),
    generator: await take("ENCKEY_G", 32),
    checkCode: `${first % 10}${second % 10}`,
  };
}

// Both directions count their messages from 0; the count is the nonce, so none can be repeated, dropped or swapped.
function endsOf(ours, theirs, checkCode) {
  let sent = 0;
  let received = 0;
  const sealed = (plain) => base64(seal(ours, nonce(sent++), utf8(plain)));
  const opened = (coded) => {
    const plain = text(open(theirs, nonce(received), unbase64(coded)));
    received += 1;
    return plain;
  };
  const channel = {
    checkCode,
    seal: (message) => sealed(JSON.stringify(message)),
    open: (coded) => JSON.parse(opened(coded)),
  };
  return { sealed, opened, channel };
}

function nonce(count) {
  const twelve = new DataView(new ArrayBuffer(12));
  twelve.setBigUint64(0, BigInt(count), true);
  return new Uint8Array(twelve.buffer);
}
