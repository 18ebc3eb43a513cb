// Offers the camera where scripts run and a browser may have one.
"use strict";

(() => {
  const mayScan = navigator.mediaDevices && navigator.mediaDevices.getUserMedia;
  for (const way of document.querySelectorAll("[data-camera]")) way.hidden = !mayScan;
})();
