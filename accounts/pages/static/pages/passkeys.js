// Passkeys: the browser's part of Web Authentication. Needs JavaScript; the page says so without.
"use strict";

(() => {
  const decoded = (text) => {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, (char) => char.charCodeAt(0)).buffer;
  };
  const encoded = (buffer) => {
    const plain = String.fromCharCode(...new Uint8Array(buffer));
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  };
  const named = (list) => (list || []).map((one) => ({ ...one, id: decoded(one.id) }));

  const make = async (options) => {
    const publicKey = {
      ...options,
      challenge: decoded(options.challenge),
      user: { ...options.user, id: decoded(options.user.id) },
      excludeCredentials: named(options.excludeCredentials),
    };
    const made = await navigator.credentials.create({ publicKey });
    return {
      id: made.id,
      rawId: encoded(made.rawId),
      type: made.type,
      clientExtensionResults: made.getClientExtensionResults(),
      response: {
        clientDataJSON: encoded(made.response.clientDataJSON),
        attestationObject: encoded(made.response.attestationObject),
      },
    };
  };

  const sign = async (options) => {
    const publicKey = {
      ...options,
      challenge: decoded(options.challenge),
      allowCredentials: named(options.allowCredentials),
    };
    const signed = await navigator.credentials.get({ publicKey });
    return {
      id: signed.id,
      rawId: encoded(signed.rawId),
      type: signed.type,
      clientExtensionResults: signed.getClientExtensionResults(),
      response: {
        clientDataJSON: encoded(signed.response.clientDataJSON),
        authenticatorData: encoded(signed.response.authenticatorData),
        signature: encoded(signed.response.signature),
        userHandle: signed.response.userHandle ? encoded(signed.response.userHandle) : null,
      },
    };
  };

  // The question is fetched when the button is pressed: it is good once, for a few minutes.
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const button = form.querySelector("button");
    const notice = form.querySelector("[data-notice]");
    const say = (name) => {
      notice.textContent = form.dataset[name];
      notice.hidden = false;
    };
    if (!window.PublicKeyCredential) {
      say("unsupported");
      button.disabled = true;
      continue;
    }
    button.disabled = false;
    form.addEventListener("submit", async (event) => {
      if (form.elements.answer.value) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      notice.hidden = true;
      button.disabled = true;
      try {
        const body = new URLSearchParams({ csrfmiddlewaretoken: form.elements.csrfmiddlewaretoken.value });
        const answer = await fetch(form.dataset.options, { method: "POST", body, headers: { Accept: "application/json" } });
        if (!answer.ok) throw new Error("refused");
        const options = await answer.json();
        const work = form.dataset.passkey === "make" ? make : sign;
        form.elements.answer.value = JSON.stringify(await work(options.publicKey));
        form.submit();
      } catch (error) {
        say(error.name === "InvalidStateError" ? "known" : error.name === "SecurityError" ? "unsupported" : "failed");
        button.disabled = false;
      }
    }, true);
  }
})();
