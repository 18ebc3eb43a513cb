// What the login and the registration page share: the calls, the complaints beside fields, the moments of waiting.
"use strict";

const forms = (() => {
  const API = "/_matrix/client/v3/";
  const LONGEST_NAME = 80;
  const WORDS = {
    M_USER_LOCKED: "This account is locked. Please ask the people who run this server.",
    M_USER_DEACTIVATED: "This account was closed.",
    M_USER_LIMIT_EXCEEDED: "This account has as many devices as it may. Sign out on one of them first.",
    M_USER_IN_USE: "That name is taken.",
    M_INVALID_USERNAME: "That name cannot be used.",
    M_EXCLUSIVE: "That name is reserved.",
    M_THREEPID_IN_USE: "That address belongs to an account already.",
    M_THREEPID_DENIED: "That address is not accepted here.",
  };

  const byId = (id) => document.getElementById(id);

  // The members of a login or registration that the embedding app gave in the query (matrix.md §14).
  function wish() {
    const query = new URLSearchParams(window.location.search);
    const found = {};
    for (const key of ["device_id", "initial_device_display_name"]) {
      if (query.get(key)) found[key] = query.get(key);
    }
    if (["true", "1"].includes(query.get("refresh_token"))) found.refresh_token = true;
    return found;
  }

  // {status, body}; status 0 when no answer came. Never throws.
  async function post(path, body) {
    try {
      const answer = await fetch(API + path, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
        credentials: "omit",
        cache: "no-store",
      });
      return { status: answer.status, body: await answer.json() };
    } catch (error) {
      return { status: 0, body: {} };
    }
  }

  // What an answer means to a person.
  function words({ status, body }) {
    if (status === 0) return "The server did not answer. Please check the connection and try again.";
    if (status === 429) {
      const seconds = Math.max(1, Math.ceil((body.retry_after_ms || 1000) / 1000));
      const wait = seconds < 120 ? `${seconds} second${seconds === 1 ? "" : "s"}` : `${Math.ceil(seconds / 60)} minutes`;
      return `Too many tries. Please wait ${wait} and try again.`;
    }
    if (status >= 500) return "Something went wrong on the server. Please try again in a moment.";
    return WORDS[body.errcode] || body.error || "The server refused this.";
  }

  // Puts words beside a field, or at the top of the page for the field "notice"; moves the focus there.
  function complain(field, text) {
    const place = byId(field === "notice" ? "notice" : `${field}-complaint`);
    place.textContent = text;
    place.hidden = false;
    const input = field === "notice" ? null : byId(field);
    if (input) {
      input.setAttribute("aria-invalid", "true");
      input.focus();
    }
  }

  function forgive() {
    for (const place of document.querySelectorAll("#notice, .complaint[id]")) place.hidden = true;
    for (const input of document.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  }

  // Runs `work` for each submission of a form, one at a time; the button says so without losing the focus.
  function onSubmit(form, busyText, work) {
    const button = form.querySelector("button[type=submit]");
    const text = button.textContent;
    let busy = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (busy) return;
      busy = true;
      button.setAttribute("aria-disabled", "true");
      button.textContent = busyText;
      forgive();
      try {
        await work();
      } finally {
        busy = false;
        button.removeAttribute("aria-disabled");
        button.textContent = text;
      }
    });
  }

  // The last state: the page says who it is, for those whose app does not close it.
  function finish(userId, title) {
    const cut = userId.length > LONGEST_NAME ? `${userId.slice(0, LONGEST_NAME - 1)}…` : userId;
    byId("user-id").textContent = cut;
    for (const part of document.querySelectorAll("form, .step")) part.hidden = true;
    byId("done").hidden = false;
    const heading = document.querySelector("h1");
    heading.textContent = document.title = title;
    heading.focus();
  }

  // Calls a function of the app; its mistake must not keep another one from being called.
  function tell(call) {
    try {
      call();
    } catch (error) {
      console.error(error);
    }
  }

  for (const button of document.querySelectorAll("[data-shows]")) {
    const input = byId(button.dataset.shows);
    button.addEventListener("click", () => {
      const shown = input.type === "password";
      input.type = shown ? "text" : "password";
      button.setAttribute("aria-pressed", String(shown));
      button.firstChild.textContent = shown ? "Hide" : "Show";
    });
  }

  return { byId, wish, post, words, complain, forgive, onSubmit, finish, tell };
})();
