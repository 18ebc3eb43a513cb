// Reads the code of another device by the camera. What is read is understood here and goes nowhere but to /link, where
// a person decides. Links of other sites are told, never followed.
"use strict";

(() => {
  const PAUSE = 150; // milliseconds between two looks
  const WIDEST = 800; // pixels of the picture that is looked at
  const page = document.getElementById("scan");
  const video = document.getElementById("camera");
  const told = document.getElementById("told");
  const again = document.getElementById("again");
  const canvas = document.createElement("canvas");
  const brush = canvas.getContext("2d", { willReadFrequently: true });
  const bytesOf = (text) => Array.from(new TextEncoder().encode(text));
  let detector = null;
  let stream = null;

  // Says it where it is heard too; the same thing once.
  const tell = (key, host = "") => {
    const words = page.dataset[key].replace("{host}", host);
    if (told.textContent !== words) told.textContent = words;
  };

  // The web address that the text is, null for any other text.
  const linkIn = (text) => {
    try {
      const link = new URL(text);
      return /^https?:$/.test(link.protocol) ? link : null;
    } catch {
      return null;
    }
  };

  // What a code holds: { code } for /link, else { told, host }. `bytes` are what the picture says.
  const understand = (text, bytes) => {
    const begins = (word) => bytesOf(word).every((byte, index) => bytes[index] === byte);
    if (begins("MATRIX") || begins("IO_ELEMENT_MSC")) return { told: "matrix" };
    const plain = text.trim();
    const letters = plain.replace(/[\s-]/g, "").toUpperCase();
    if (/^[A-Z]{8}([A-Z]{4})?$/.test(letters)) return { code: letters };
    const link = linkIn(plain);
    if (!link) return { told: "nothing" };
    if (link.origin !== location.origin && link.origin !== page.dataset.origin) {
      return { told: "elsewhere", host: link.host.slice(0, 80) };
    }
    if (!/^\/link\/?$/.test(link.pathname)) return { told: "nothing" };
    const code = link.searchParams.get("code") || link.searchParams.get("user_code") || "";
    return code ? { code } : { told: "itself" };
  };

  // The text and bytes of a code in the picture, null without one.
  const read = async () => {
    const found = detector ? await detector.detect(canvas).catch(() => null) : null;
    if (found && found.length === 0) return null;
    if (found && found[0].rawValue) return { text: found[0].rawValue, bytes: bytesOf(found[0].rawValue) };
    // No detector, or one that gives no text for a code of bytes.
    if (!window.jsQR) await decoder();
    const seen = window.jsQR(brush.getImageData(0, 0, canvas.width, canvas.height).data, canvas.width, canvas.height);
    return seen && { text: seen.data, bytes: seen.binaryData };
  };

  const decoder = () =>
    new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = page.dataset.decoder;
      script.onload = resolve;
      script.onerror = reject;
      document.head.append(script);
    });

  const look = async () => {
    if (!stream) return;
    const scale = Math.min(1, WIDEST / Math.max(video.videoWidth, video.videoHeight, 1));
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    if (canvas.width && canvas.height) {
      brush.drawImage(video, 0, 0, canvas.width, canvas.height);
      const seen = await read();
      if (seen && stream) {
        const meant = understand(seen.text, seen.bytes);
        if (meant.code && page.dataset.links === "on") {
          stop();
          tell("found");
          location.assign(`${page.dataset.link}?${new URLSearchParams({ code: meant.code })}`);
          return;
        }
        tell(meant.code ? "typed" : meant.told, meant.host);
      }
    }
    window.setTimeout(() => look().catch(fail), PAUSE);
  };

  const stop = () => {
    if (stream) stream.getTracks().forEach((track) => track.stop());
    stream = null;
    video.srcObject = null;
    video.hidden = true;
  };

  const fail = (error) => {
    stop();
    again.hidden = false;
    const name = error && error.name;
    if (name === "NotAllowedError" || name === "SecurityError") tell("refused");
    else if (name === "NotFoundError" || name === "OverconstrainedError") tell("none");
    else tell("broken");
  };

  const start = async () => {
    again.hidden = true;
    if (!navigator.mediaDevices || !navigator.mediaDevices.getUserMedia) {
      tell(window.isSecureContext ? "none" : "insecure");
      return;
    }
    tell("asking");
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
    video.srcObject = stream;
    video.hidden = false;
    await video.play();
    if ("BarcodeDetector" in window) {
      const formats = await window.BarcodeDetector.getSupportedFormats().catch(() => []);
      detector = formats.includes("qr_code") ? new window.BarcodeDetector({ formats: ["qr_code"] }) : null;
    }
    tell("looking");
    await look();
  };

  again.addEventListener("click", () => start().catch(fail));
  window.addEventListener("pagehide", stop); // the camera's light goes out with the page
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) start().catch(fail);
  });
  start().catch(fail);
})();
