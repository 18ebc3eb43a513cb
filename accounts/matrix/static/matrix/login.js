// The whole login in a browser (matrix.md §14). Apps that embed this page replace `matrixLogin.onLogin` before the login,
// or, the oldest ones, define `onLogin`.
"use strict";

window.matrixLogin = window.matrixLogin || {};
if (typeof window.matrixLogin.onLogin !== "function") window.matrixLogin.onLogin = () => {};

(() => {
  const form = forms.byId("login");
  if (!form) return; // switched off

  function identifier(name) {
    return name.indexOf("@") > 0
      ? { type: "m.id.thirdparty", medium: "email", address: name }
      : { type: "m.id.user", user: name };
  }

  function homeserver(answer) {
    const known = answer.well_known && answer.well_known["m.homeserver"];
    return (known && known.base_url) || window.location.origin;
  }

  function signedIn(answer) {
    forms.finish(answer.user_id, "You are signed in");
    forms.tell(() => window.matrixLogin.onLogin(answer));
    forms.tell(() => {
      if (typeof window.onLogin !== "function") return;
      if (window.onLogin.length > 1) {
        window.onLogin(answer.access_token, homeserver(answer), answer.user_id);
      } else {
        window.onLogin(answer);
      }
    });
  }

  async function logIn(proof) {
    const answer = await forms.post("login", Object.assign(forms.wish(), proof));
    if (answer.status === 200) signedIn(answer.body);
    return answer;
  }

  forms.onSubmit(form, "Signing in…", async () => {
    const name = forms.byId("name").value.trim();
    const password = forms.byId("password").value;
    if (!name) return forms.complain("name", "Please write your name or e-mail address.");
    if (!password) return forms.complain("password", "Please write your password.");
    const answer = await logIn({ type: "m.login.password", identifier: identifier(name), password });
    if (answer.status === 200) return;
    const isWrong = answer.status === 403 && answer.body.errcode === "M_FORBIDDEN";
    forms.complain("password", isWrong ? "This name and password do not fit together." : forms.words(answer));
  });

  async function consume(token) {
    form.hidden = true;
    const answer = await logIn({ type: "m.login.token", token });
    if (answer.status === 200) return;
    form.hidden = false;
    const isUsed = answer.status === 403 && answer.body.errcode === "M_FORBIDDEN";
    forms.complain("notice", isUsed ? "That sign-in was used or has expired. Please sign in here." : forms.words(answer));
  }

  const address = new URL(window.location.href);
  const token = address.searchParams.get("loginToken");
  if (token) {
    address.searchParams.delete("loginToken");
    window.history.replaceState(null, "", address);
    if (document.readyState === "complete") consume(token);
    else window.addEventListener("load", () => consume(token)); // the app has put its function in place by then
  }
})();
