// A client of the code door over its plain websocket. Copy it: it needs nothing else.
//
//   const door = codeDoor("wss://id.example.org/ws/login/");
//   const token = await door.requestLogin({ email, password });   // a code goes out by mail
//   const answer = await door.confirm({ token, otp });            // the code from the mail
//   const again = await door.remembered({ token });               // later, in the same browser
//
// Signed in is only whoever `isSignedIn(answer)`; keep `answer.token` for later, and let your own server ask /api/me
// with `answer.access`. Never trust a code that a browser reports to your server.
"use strict";

function codeDoor(url, { onFrame = () => {}, timeout = 20000 } = {}) {
  const REMEMBERED = "12345678"; // stands where the code would, for a browser that is remembered
  const TWO_YEARS = 63113852000; // milliseconds; the server may allow less
  const client = { browser: navigator.userAgent, os: navigator.appVersion };
  let number = 0;

  // One question on a socket of its own: open, ask, wait, close. Rejects when no answer comes.
  function ask(event, data) {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      const id = ++number;
      const timer = setTimeout(() => end(() => reject(new Error("no answer came in time"))), timeout);

      function end(settle) {
        clearTimeout(timer);
        socket.onclose = socket.onerror = null;
        socket.close(1000);
        settle();
      }

      socket.onopen = () => {
        const frame = { event, data, id };
        onFrame("sent", frame);
        socket.send(JSON.stringify(frame));
      };
      socket.onmessage = (message) => {
        const frame = JSON.parse(message.data);
        onFrame("received", frame);
        if (frame.event === "error") end(() => reject(new Error(frame.data.message)));
        else if (frame.event === event && frame.id === id) end(() => resolve(frame.data));
      };
      socket.onclose = socket.onerror = () => end(() => reject(new Error("the connection was lost")));
    });
  }

  return {
    // Resolves to the token, a string, or to {code, message}: 1106 wrong e-mail or password, 1107 too often.
    requestLogin: ({ email, password }) =>
      ask("request_login_token", { email, password, ...client, remove: "true", token_expiry: TWO_YEARS }),

    // Resolves to {code, message, …}: 1104 signed in, 1103 with `tries_left` wrong code, anything else start again.
    confirm: ({ token, otp }) => ask("confirm_token", { otp, token, ...client, remove: "true" }),

    // The same with the token of an earlier login: 1103 with `verified` signed in, 1105 expired.
    remembered: ({ token, password }) =>
      ask("confirm_token", { otp: REMEMBERED, token, ...client, remove: "true", ...(password ? { password } : {}) }),
  };
}

// 1103 alone means nothing: it is also the answer to a wrong code.
function isSignedIn(answer) {
  return answer.code === "1104" || (answer.code === "1103" && answer.verified === true);
}
