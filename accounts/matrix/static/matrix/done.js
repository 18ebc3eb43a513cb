// A stage was completed: tells the app that opened this window (matrix.md §14). Nothing secret is said, so any origin may hear.
"use strict";

if (typeof window.onAuthDone === "function") {
  window.onAuthDone();
} else if (window.opener) {
  window.opener.postMessage("authDone", "*");
}
