// One of the two windows: what the person may do, in which order, and how it ends.

import { unbase64 } from "./bytes.js";
import { watch } from "./camera.js";
import { parsed } from "./code.js";
import { Keeper } from "./keeper.js";
import { Ledger } from "./ledger.js";
import { signIn, vouch } from "./logins.js";
import { Server } from "./oauth.js";
import { NEW, scan, show } from "./pairing.js";
import { Panels, byId } from "./panels.js";
import { Requests, shortened } from "./requests.js";
import { Ended } from "./slot.js";
import { inWords } from "./words.js";

const { role, base, serverName, decoder } = document.body.dataset;
const isNew = role === NEW;
const NAME = isNew ? "Latchkey demo, new device" : "Latchkey demo, signed-in device";

const ledger = new Ledger({ requests: byId("requests"), messages: byId("messages") });
const requests = new Requests((entry) => ledger.request(entry));
const keeper = new Keeper(role);
const server = new Server(requests, base, keeper);
const panels = new Panels(NAME);
let work = new AbortController(); // of the login that is going on
let pairing = null;

// --- Beginning ------------------------------------------------------------------------------------

async function begin() {
  const back = keeper.comeBack();
  back?.entries.forEach((entry) => ledger.request(entry));
  if (location.origin !== new URL(base).origin) {
    return off(
      "This server calls itself by another name, and its programs are known under that one only.",
      `${base}${location.pathname}`,
    );
  }
  if (!isSecureContext) return off("Browsers make keys on https addresses and on localhost only.");
  if (!(await canAgreeOnKeys()))
    return off(
      "This browser cannot make X25519 keys. Chrome and Edge from 133, Firefox from 130 and Safari from 17 can.",
    );
  if (!(await server.offersQrLogin())) {
    return off(
      "This server does not offer signing in by QR code. " +
        "That needs OAUTH and OAUTH_DEVICE_GRANT on, and RENDEZVOUS_MODE open.",
    );
  }
  if (!isNew && back) await comeBack(back);
  return ready();
}

function off(why, there) {
  byId("off-why").textContent = why;
  byId("off-there").hidden = !there;
  Object.assign(byId("off-there"), { href: there ?? "", textContent: there ?? "" });
  panels.go("off");
}

async function canAgreeOnKeys() {
  return Boolean(await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]).catch(() => null));
}

// Where to go on: what is signed in stays so over a reload.
async function ready() {
  const userId = keeper.session && (await server.whoami());
  if (isNew) return userId ? done({}) : panels.go("meet");
  if (!userId) return panels.go("sign-in");
  keeper.userId = userId;
  document.querySelector(".user-id").textContent = userId;
  return panels.go("meet");
}

// --- The signed-in device signs in ----------------------------------------------------------------

async function goAndSignIn() {
  const redirectUri = `${location.origin}${location.pathname}`;
  const clientId = await server.register(NAME, ["authorization_code", "refresh_token"], redirectUri);
  const { url, pending } = await server.authorization({ clientId, deviceId: newDeviceId(), redirectUri });
  requests.notePage(url);
  keeper.leave({ ...pending, entries: ledger.kept });
  location.assign(url);
}

async function comeBack(back) {
  const query = new URLSearchParams(location.search);
  if (!query.has("code") && !query.has("error")) return;
  requests.notePage(location.href);
  history.replaceState(null, "", location.pathname);
  if (query.get("state") !== back.state) throw new Ended("not_signed_in", "the answer is to another question");
  if (query.has("error")) throw new Ended("not_signed_in", query.get("error_description") ?? query.get("error"));
  await server.redeem(back, query.get("code"));
}

function newDeviceId() {
  const letters = crypto.getRandomValues(new Uint8Array(8));
  return `QRDEMO${Array.from(letters, (byte) => String.fromCharCode(65 + (byte % 26))).join("")}`;
}

// --- Meeting --------------------------------------------------------------------------------------

const common = () => ({
  requests,
  base,
  role,
  signal: work.signal,
  onMessage: (direction, message) => ledger.message(direction, message),
});

async function showCode() {
  const homeserver = isNew ? "" : keeper.userId.slice(keeper.userId.indexOf(":") + 1);
  await logIn(await show({ ...common(), homeserver, onCode: (bytes, lifetime) => panels.showCode(bytes, lifetime) }));
}

async function scanCode() {
  panels.go("scan");
  byId("pasted").value = "";
  const camera = new AbortController();
  const code = await Promise.race([pasted(), seen(AbortSignal.any([work.signal, camera.signal]))]);
  camera.abort();
  panels.working("Going to the box of this code …");
  await logIn(await scan({ ...common(), code }));
}

function pasted() {
  return panels.submitted(byId("panel-scan"), () => understood(() => unbase64(byId("pasted").value)));
}

// The contents of a code; null, and words about it, when it is none.
function understood(read) {
  try {
    return parsed(read());
  } catch (error) {
    const isText = error.name === "InvalidCharacterError";
    panels.complain("pasted", isText ? "This is not the text below a code. Was all of it copied?" : error.message);
    return null;
  }
}

// The code that the camera sees, if the person wants to use it.
async function seen(signal) {
  for (;;) {
    await panels.happened(byId("camera"), "click", () => true);
    try {
      byId("video").hidden = false;
      const accept = (bytes) => understood(() => bytes);
      return await watch({ video: byId("video"), decoder, accept, signal });
    } catch (error) {
      signal.throwIfAborted();
      panels.complain("pasted", `The camera cannot be used: ${error.message}.`);
    } finally {
      byId("video").hidden = true;
    }
  }
}

// --- The login ------------------------------------------------------------------------------------

async function logIn(made) {
  pairing = made;
  const facts = { pairing, server, page: panels, signal: work.signal };
  if (isNew) {
    const isOurs = (homeserver) => [base, `${base}/`, serverName].includes(homeserver);
    const secrets = await signIn({ ...facts, deviceId: newDeviceId(), isOurs });
    return done({ "Keys that came": Object.keys(secrets.cross_signing ?? {}).join(", ") || "none" });
  }
  const onApproval = (url) => requests.notePage(url);
  const deviceId = await vouch({ ...facts, homeserver: base, onApproval });
  return done({ "Let in": deviceId, "Keys that were sent": "three, made up for the demonstration" }, deviceId);
}

async function done(more, added) {
  const { deviceId, accessToken, refreshToken, until } = keeper.session;
  const tokens = {
    "Access token": `${shortened(accessToken)} for ${Math.round((until - Date.now()) / 1000)} s`,
    "Refresh token": shortened(refreshToken),
  };
  const userId = await server.whoami();
  panels.facts({ Account: userId, "This device": deviceId, ...(isNew && tokens), ...more });
  panels.devices(await server.devices(), { own: deviceId, added });
  panels.go("done");
}

async function signOut() {
  await server.revoke();
  const { status } = await server.getAsItIs("account/whoami"); // to see that the token opens nothing any more
  keeper.forget();
  throw new Ended(status === 401 ? "signed_out" : "unreachable");
}

// --- What a person does ---------------------------------------------------------------------------

// Runs one thing at a time, and tells how it ended if it did not go well.
function doing(what) {
  return async () => {
    work.abort();
    work = new AbortController();
    panels.signal = work.signal;
    pairing = null;
    const mine = work;
    try {
      await what();
    } catch (error) {
      if (mine !== work || mine.signal.aborted) return;
      if (!error.reason) console.error(error);
      panels.over(inWords(error));
    }
  };
}

async function cancel() {
  work.abort();
  panels.over(inWords(new Ended("cancelled")));
  const ending = pairing;
  pairing = null;
  await ending?.cancel();
}

byId("sign-in")?.addEventListener("click", doing(goAndSignIn));
byId("choose-show").addEventListener("click", doing(showCode));
byId("choose-scan").addEventListener("click", doing(scanCode));
byId("cancel").addEventListener("click", cancel);
byId("clear").addEventListener("click", () => ledger.clear());
for (const button of document.querySelectorAll(".again")) button.addEventListener("click", doing(ready));
for (const button of document.querySelectorAll(".sign-out")) button.addEventListener("click", doing(signOut));
document.addEventListener("submit", (event) => event.preventDefault());
byId("copy").addEventListener("click", async () => {
  byId("code-text").select();
  const isCopied = await navigator.clipboard.writeText(byId("code-text").value).then(
    () => true,
    () => false,
  );
  panels.say(isCopied ? "Copied. Paste it in the other window." : "It is selected: copy it with the keyboard.");
});

doing(begin)();
