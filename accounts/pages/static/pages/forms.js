// Small comforts where scripts run; every form works without them.
"use strict";

(() => {
  const words = document.documentElement.lang.startsWith("de")
    ? { show: "Zeigen", hide: "Verbergen", of: "Passwort" }
    : { show: "Show", hide: "Hide", of: "password" };

  // A button beside each password that shows what was typed.
  for (const input of document.querySelectorAll('input[type="password"]')) {
    const wrap = document.createElement("div");
    wrap.className = "with-button";
    input.replaceWith(wrap);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "plain";
    const label = (word) => {
      button.textContent = word;
      button.setAttribute("aria-label", `${word} ${words.of}`);
    };
    label(words.show);
    button.addEventListener("click", () => {
      const shown = input.type === "text";
      input.type = shown ? "password" : "text";
      label(shown ? words.show : words.hide);
      input.focus();
    });
    wrap.append(input, button);
  }

  // The first field at fault gets the focus, else the field that asks for it.
  const wrong = document.querySelector('[aria-invalid="true"]');
  if (wrong) wrong.focus();

  // A form is sent once, however often its button is pressed.
  for (const form of document.querySelectorAll("form")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "yes";
      for (const button of form.querySelectorAll('button[type="submit"]')) button.setAttribute("aria-disabled", "true");
    });
  }
  // Coming back by the browser's history finds the form usable again.
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const form of document.querySelectorAll("form")) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll('[aria-disabled="true"]')) button.removeAttribute("aria-disabled");
    }
  });

  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }
})();
