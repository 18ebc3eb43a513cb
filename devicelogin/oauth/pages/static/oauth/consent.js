// The button that lets a program in rests for a second, so that no click meant for something else lands on it.
"use strict";

(() => {
  const rest = (button) => {
    button.disabled = true;
    window.setTimeout(() => { button.disabled = false; }, 1000);
  };
  const all = () => document.querySelectorAll("[data-patient]").forEach(rest);
  all();
  // Shown again from the browser's history, or in front again after another window covered it.
  window.addEventListener("pageshow", (event) => { if (event.persisted) all(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) all(); });
})();
