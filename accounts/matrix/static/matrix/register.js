// A whole registration in a browser (matrix.md §7, §14): name and password, then the stages the server asks for.
// Apps that embed this page replace `matrixRegistration.onRegistered` before the end.
"use strict";

window.matrixRegistration = window.matrixRegistration || {};
if (typeof window.matrixRegistration.onRegistered !== "function") window.matrixRegistration.onRegistered = () => {};

(() => {
  const TOKEN = "m.login.registration_token";
  const TERMS = "m.login.terms";
  const EMAIL = "m.login.email.identity";
  const DUMMY = "m.login.dummy";
  const POLL_MS = 4000;
  const { byId, complain, post, words } = forms;
  const account = byId("account");
  if (!account) return; // closed

  let state = {}; // session, flows, params, completed, withoutEmail
  let mail = null; // address, sid, client_secret, send_attempt
  let timer = 0;

  function show(id) {
    forms.forgive();
    window.clearTimeout(timer);
    for (const step of document.querySelectorAll(".step")) step.hidden = step.id !== id;
    const first = byId(id).querySelector("input, button");
    if (first) first.focus();
  }

  function startAgain(text) {
    show("account");
    complain("notice", text);
  }

  // One call of register. 200 ends it; 401 without errcode leads to the next stage; what else came is returned.
  async function register(body) {
    const answer = await post("register", body);
    if (answer.status === 200) {
      registered(answer.body);
      return null;
    }
    if (answer.status === 401 && answer.body.session) {
      state = Object.assign({}, state, answer.body, { completed: answer.body.completed || [] });
      if (!answer.body.errcode) {
        await next();
        return null;
      }
    } else if (answer.status === 400 && answer.body.errcode === "M_UNKNOWN" && body.auth) {
      startAgain("This took too long. Please begin again.");
      return null;
    }
    return answer;
  }

  const submit = (type, more) => register({ auth: Object.assign({ type, session: state.session }, more) });

  function registered(answer) {
    window.clearTimeout(timer);
    forms.finish(answer.user_id, "Your account is ready");
    forms.tell(() =>
      window.matrixRegistration.onRegistered(window.location.origin, answer.user_id, answer.access_token),
    );
  }

  // The flow that fits what was chosen so far; undefined while an address is still to be asked for or declined.
  function nextStage() {
    const stages = state.flows.map((flow) => flow.stages);
    const fitting = stages.filter((flow) => !(state.withoutEmail && flow.includes(EMAIL)));
    const wanted = fitting.find((flow) => flow.includes(EMAIL)) || fitting[0];
    byId("without-email").hidden = stages.every((flow) => flow.includes(EMAIL));
    return wanted.find((stage) => !state.completed.includes(stage));
  }

  async function next() {
    const stage = nextStage();
    if (stage === TOKEN) show("token-step");
    else if (stage === TERMS) showTerms();
    else if (stage === EMAIL) show("email-step");
    else if (stage === DUMMY) await lastly(submit(DUMMY));
    else complain("notice", "This server asks for something that this page does not know.");
  }

  // After the last stage the account is made; by then its name may be gone.
  async function lastly(call) {
    const answer = await call;
    if (answer) refused(answer);
  }

  function refused(answer) {
    const { errcode } = answer.body;
    const isName = ["M_USER_IN_USE", "M_INVALID_USERNAME", "M_EXCLUSIVE"].includes(errcode);
    const field = isName ? "name" : errcode === "M_WEAK_PASSWORD" ? "password" : "notice";
    if (field !== "notice") show("account");
    complain(field, words(answer));
  }

  function showTerms() {
    const policies = (state.params[TERMS] || {}).policies || {};
    byId("documents").textContent = "";
    byId("documents").append(...Object.values(policies).map(documentLine).filter(Boolean));
    show("terms-step");
  }

  function documentLine(policy) {
    const languages = Object.keys(policy).filter((key) => key !== "version");
    const wanted = [...navigator.languages, ...navigator.languages.map((tag) => tag.split("-")[0]), "en"];
    const known = policy[wanted.find((tag) => languages.includes(tag)) || languages[0]];
    if (!known || !/^https?:\/\//.test(known.url)) return null;
    const label = document.createElement("label");
    label.className = "document";
    const box = document.createElement("input");
    box.type = "checkbox";
    const link = document.createElement("a");
    link.href = known.url;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    const name = document.createElement("bdi");
    name.textContent = known.name.slice(0, 80);
    link.append(name);
    label.append(box, link);
    return label;
  }

  forms.onSubmit(account, "One moment…", async () => {
    const username = byId("name").value.trim();
    const password = byId("password").value;
    if (!username) return complain("name", "Please choose a name.");
    if (!password) return complain("password", "Please choose a password.");
    state = {};
    const answer = await register(Object.assign(forms.wish(), { username, password }));
    if (answer) refused(answer);
  });

  forms.onSubmit(byId("token-step"), "One moment…", async () => {
    const token = byId("token").value.trim();
    if (!token) return complain("token", "Please write the token.");
    const answer = await submit(TOKEN, { token });
    if (!answer) return;
    complain("token", answer.body.errcode === "M_UNAUTHORIZED" ? "This token is not good, or used up." : words(answer));
  });

  forms.onSubmit(byId("terms-step"), "One moment…", async () => {
    const open = byId("documents").querySelector("input:not(:checked)");
    if (open) {
      complain("terms", "Please tick every document, or you cannot have an account here.");
      open.focus();
      return;
    }
    const answer = await submit(TERMS);
    if (answer) complain("terms", words(answer));
  });

  forms.onSubmit(byId("email-step"), "Sending…", async () => {
    const address = byId("email").value.trim();
    if (!address) return complain("email", "Please write your e-mail address.");
    const secret = Array.from(window.crypto.getRandomValues(new Uint8Array(24)), (byte) => byte.toString(16).padStart(2, "0"));
    mail = { address, client_secret: secret.join(""), send_attempt: 0 };
    const answer = await sendLink();
    if (!answer) return;
    complain("email", answer.body.errcode === "M_INVALID_PARAM" ? "That is not an e-mail address." : words(answer));
  });

  byId("without-email").addEventListener("click", () => {
    state.withoutEmail = true;
    next();
  });
  byId("other-address").addEventListener("click", () => show("email-step"));
  byId("send-again").addEventListener("click", async () => {
    const answer = await sendLink();
    if (answer) complain("sent", words(answer));
  });

  async function sendLink() {
    mail.send_attempt += 1;
    const { address, client_secret, send_attempt } = mail;
    const answer = await post("register/email/requestToken", { email: address, client_secret, send_attempt });
    if (answer.status !== 200) return answer;
    mail.sid = answer.body.sid;
    byId("sent-to").textContent = address.slice(0, 80);
    show("sent-step");
    timer = window.setTimeout(poll, POLL_MS);
    return null;
  }

  // Asks whether the link was opened, until it was or the person chose otherwise.
  async function poll() {
    const answer = await submit(EMAIL, { threepid_creds: { sid: mail.sid, client_secret: mail.client_secret } });
    if (!answer || byId("sent-step").hidden) return;
    const isWaiting = answer.body.errcode === "M_UNAUTHORIZED" || answer.status === 429 || answer.status === 0;
    if (isWaiting) timer = window.setTimeout(poll, Math.max(POLL_MS, answer.body.retry_after_ms || 0));
    else refused(answer);
  }
})();
