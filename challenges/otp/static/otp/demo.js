// The page around client.js: three forms, and what goes over the wire beside them.
"use strict";

(() => {
  const KEPT = "latchkey-demo-login"; // in localStorage: the token of a remembered login
  const STEPS = ["password", "code", "remembered", "in"];
  const MARKS = { password: "password", code: "code", remembered: "password", in: "in" };
  const SECRETS = new Set(["password"]);
  const TOKENS = new Set(["token", "access", "refresh"]);

  const byId = (id) => document.getElementById(id);
  const origin = window.location.origin.replace(/^http/, "ws");
  const door = codeDoor(`${origin}/ws/login/`, { onFrame: show });
  let pending = null; // the token whose code is awaited, and what it takes to ask for another one
  let pair = null; // the access and refresh token of this visit

  // --- What goes over the wire --------------------------------------------------------------------

  function shortened(text) {
    return text.length > 40 ? `${text.slice(0, 12)}…${text.slice(-8)}` : text;
  }

  // As it is shown: passwords blacked out, tokens cut, long texts too.
  function shown(key, value) {
    if (typeof value !== "string") return value;
    if (SECRETS.has(key)) return "•".repeat(8);
    const isToken = TOKENS.has(key) || (key === "data" && value.startsWith("ey"));
    return isToken ? shortened(value) : value.length > 60 ? `${value.slice(0, 57)}…` : value;
  }

  function show(direction, content, title = "websocket") {
    const item = document.createElement("li");
    item.className = direction;
    const heading = document.createElement("p");
    heading.textContent = `${direction === "sent" ? "→ sent" : "← received"}, ${title}`;
    const text = document.createElement("pre");
    text.textContent = typeof content === "string" ? content : JSON.stringify(content, shown, 2);
    item.append(heading, text);
    byId("frames").append(item);
    byId("nothing-yet").hidden = true;
    byId("frames").scrollTop = byId("frames").scrollHeight; // within its box: the page itself stays where it is
  }

  // --- The steps ----------------------------------------------------------------------------------

  function go(step, focus) {
    for (const name of STEPS) byId(`${name}-step`).hidden = name !== step;
    for (const mark of document.querySelectorAll(".steps li")) mark.removeAttribute("aria-current");
    byId(`mark-${MARKS[step]}`).setAttribute("aria-current", "step");
    forgive();
    if (focus) byId(focus).focus();
  }

  function start() {
    pending = pair = null;
    for (const id of ["password", "code", "again"]) byId(id).value = "";
    if (localStorage.getItem(KEPT)) go("remembered");
    else go("password");
  }

  function forget() {
    localStorage.removeItem(KEPT);
    start();
    byId("email").focus();
  }

  function complain(field, text) {
    const place = byId(`${field}-complaint`);
    place.textContent = text;
    place.hidden = false;
    const input = byId(field);
    if (input) input.focus();
  }

  function forgive() {
    for (const place of document.querySelectorAll(".complaint[id]")) place.hidden = true;
  }

  function words(answer) {
    if (answer.code !== "1107") return answer.message;
    const seconds = Math.max(1, Math.ceil((answer.retry_after_ms || 1000) / 1000));
    return `${answer.message} (in ${seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} minutes`}).`;
  }

  // Runs `work`, one at a time; a connection that fails is said beside `field`.
  function guarded(field, work) {
    let busy = false;
    return async (event) => {
      event.preventDefault();
      if (busy) return;
      busy = true;
      forgive();
      const button = event.submitter || event.currentTarget.querySelector("button[type=submit]") || event.currentTarget;
      button.setAttribute("aria-disabled", "true");
      try {
        await work();
      } catch (error) {
        complain(field, `The server did not answer: ${error.message}.`);
      } finally {
        busy = false;
        button.removeAttribute("aria-disabled");
      }
    };
  }

  async function requestCode(login) {
    const answer = await door.requestLogin(login);
    if (typeof answer !== "string") return answer;
    pending = { login, token: answer };
    byId("code").value = "";
    go("code", "code");
    return null;
  }

  async function signedIn(answer) {
    localStorage.setItem(KEPT, answer.token);
    pending = null;
    pair = { access: answer.access, refresh: answer.refresh };
    for (const id of ["password", "code", "again"]) byId(id).value = "";
    go("in", "welcome");
    await askMe();
  }

  // --- The calls over HTTP ------------------------------------------------------------------------

  async function call(method, path, options) {
    show("sent", `${method} ${path}\n${options.shown}`, "HTTP");
    const answer = await fetch(path, { method, cache: "no-store", credentials: "omit", ...options });
    const body = await answer.json();
    show("received", { status: answer.status, ...body }, "HTTP");
    return { ok: answer.ok, body };
  }

  async function askMe() {
    const { ok, body } = await call("GET", "/api/me", {
      headers: { Authorization: `Bearer ${pair.access}` },
      shown: `Authorization: Bearer ${shortened(pair.access)}`,
    });
    if (!ok) return complain("in", body.error_description);
    const rows = Object.entries(body).flatMap(([name, value]) => {
      const [term, description] = ["dt", "dd"].map((tag) => document.createElement(tag));
      term.textContent = name;
      description.textContent = Array.isArray(value) ? value.join(", ") : String(value);
      return [term, description];
    });
    byId("me").replaceChildren(...rows);
  }

  async function renew() {
    const { ok, body } = await call("POST", "/api/token/refresh", {
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ refresh: pair.refresh }),
      shown: JSON.stringify({ refresh: pair.refresh }, shown, 2),
    });
    if (!ok) return complain("in", body.error_description);
    pair = { access: body.access, refresh: body.refresh };
    await askMe();
  }

  // --- What a person does -------------------------------------------------------------------------

  byId("password-step").addEventListener("submit", guarded("password", async () => {
    const login = { email: byId("email").value.trim(), password: byId("password").value };
    if (!login.email) return complain("email", "Please write your e-mail address.");
    if (!login.password) return complain("password", "Please write your password.");
    const refused = await requestCode(login);
    if (refused) complain("password", words(refused));
  }));

  byId("code-step").addEventListener("submit", guarded("code", async () => {
    const otp = byId("code").value.replace(/\s/g, "");
    if (!/^\d{4,10}$/.test(otp)) return complain("code", "The code is a number; it stands in the mail.");
    const answer = await door.confirm({ token: pending.token, otp });
    if (isSignedIn(answer)) return signedIn(answer);
    if (answer.code === "1103") {
      const left = answer.tries_left;
      return complain("code", left ? `${answer.message}; tries left: ${left}.` : `${answer.message}. Ask for another one.`);
    }
    start();
    complain("password", `${words(answer)}.`);
  }));

  byId("resend").addEventListener("click", guarded("code", async () => {
    const refused = await requestCode(pending.login);
    if (refused) complain("code", words(refused));
  }));

  byId("remembered-step").addEventListener("submit", guarded("again", async () => {
    const answer = await door.remembered({ token: localStorage.getItem(KEPT), password: byId("again").value });
    if (isSignedIn(answer)) return signedIn(answer);
    // 1101 may only mean the password here; of anything else the token is no good any more.
    if (answer.code === "1101") return complain("again", `${words(answer)}.`);
    forget();
    complain("password", `${words(answer)}.`);
  }));

  byId("refresh").addEventListener("click", guarded("in", renew));
  byId("leave").addEventListener("click", () => { start(); byId("again").focus(); });
  byId("clear").addEventListener("click", () => {
    byId("frames").replaceChildren();
    byId("nothing-yet").hidden = false;
  });
  for (const button of document.querySelectorAll("[data-forget]")) button.addEventListener("click", forget);
  for (const button of document.querySelectorAll("[data-start]")) button.addEventListener("click", forget);

  start();
})();
