// Back in this window after confirming in the other one: looks whether it is done, so nobody has to press a button.
"use strict";

let left = false;
window.addEventListener("blur", () => { left = true; });
window.addEventListener("focus", () => {
  if (!left) return;
  const url = new URL(window.location.href);
  url.searchParams.set("session", document.querySelector('input[name="session"]').value);
  window.location.replace(url);
});
