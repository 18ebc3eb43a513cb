// Looks for a code through the camera, a few times a second.
//
// By a decoder and not by the browser's own BarcodeDetector, which gives text: half of these bytes are none.

import { pause } from "./slot.js";

const PAUSE = 200; // milliseconds
const WIDE = 960; // pixels; larger pictures are read no better

// What `accept` makes of the bytes of a code, once that is not null. `decoder` is the address of jsQR. Throws when
// there is no camera or it may not be used.
export async function watch({ video, decoder, accept, signal }) {
  await import(decoder); // as a script does, it names itself
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { facingMode: "environment", width: { ideal: 1280 } },
  });
  try {
    signal.throwIfAborted();
    video.srcObject = stream;
    await video.play();
    const canvas = document.createElement("canvas");
    for (;;) {
      await pause(PAUSE, signal);
      const seen = video.videoWidth ? read(still(video, canvas)) : null;
      const found = seen && accept(Uint8Array.from(seen.binaryData));
      if (found) return found;
    }
  } finally {
    stream.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
  }
}

const read = ({ data, width, height }) => window.jsQR(data, width, height, { inversionAttempts: "dontInvert" });

function still(video, canvas) {
  const scale = Math.min(1, WIDE / video.videoWidth);
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(video, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}
