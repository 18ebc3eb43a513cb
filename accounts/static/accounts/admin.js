"use strict";
// The library's frame has no landmark for what a page is about: screen readers could not jump there.
document.addEventListener("DOMContentLoaded", () => {
  if (!document.querySelector("main, [role=main]")) document.getElementById("content")?.setAttribute("role", "main");
});
