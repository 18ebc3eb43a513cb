// What the person sees of a device: one panel at a time, and what is asked of them.

import { base64 } from "./bytes.js";
import { code, picture } from "./qr_write.js";
import { Ended } from "./slot.js";

const MARKS = {
  meet: "meet",
  show: "meet",
  scan: "meet",
  compare: "check",
  type: "check",
  working: "approve",
  approve: "approve",
  "user-code": "approve",
  done: "done",
};
const WITH_CANCEL = ["show", "scan", "compare", "type", "working", "approve", "user-code"];

export const byId = (id) => document.getElementById(id);

export class Panels {
  constructor(clientName) {
    this.clientName = clientName;
    this.signal = null; // of what is going on
    this.isOpen = false;
  }

  go(name, status = "") {
    for (const panel of document.querySelectorAll(".panel")) panel.hidden = panel.id !== `panel-${name}`;
    if (MARKS[name]) {
      for (const mark of document.querySelectorAll(".steps li")) mark.removeAttribute("aria-current");
      byId(`mark-${MARKS[name]}`).setAttribute("aria-current", "step");
    }
    for (const complaint of document.querySelectorAll(".complaint")) complaint.hidden = true;
    byId("cancel").hidden = !WITH_CANCEL.includes(name);
    this.say(status);
    this.focus(byId(`panel-${name}`));
  }

  // On what comes next; not when the page has just opened.
  focus(panel) {
    const next = panel.querySelector("input, textarea:not([readonly])") ?? panel.querySelector("h2");
    if (this.isOpen) next.focus();
    this.isOpen = true;
  }

  say(text) {
    byId("status").textContent = text;
  }

  complain(field, text) {
    const place = byId(`${field}-complaint`);
    place.textContent = text;
    place.hidden = false;
    byId(field)?.focus();
  }

  // --- Meeting -----------------------------------------------------------------------------------

  showCode(bytes, lifetime) {
    byId("qr").replaceChildren(picture(code(bytes), { label: "QR code" }));
    byId("code-text").value = base64(bytes);
    this.countDown(Date.now() + lifetime);
    this.go("show", "Waiting for the other device to scan it …");
  }

  countDown(until) {
    const tick = () => {
      const seconds = Math.max(0, Math.round((until - Date.now()) / 1000));
      byId("left").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} minutes`;
    };
    tick();
    const timer = setInterval(tick, 1000);
    this.signal.addEventListener("abort", () => clearInterval(timer));
  }

  // --- Checking ----------------------------------------------------------------------------------

  compare(digits) {
    byId("check-code").textContent = digits;
    this.go("compare", "Waiting for you to type them there …");
  }

  // Resolves when the person typed what the channel says. There is one try: a second would double a stranger's chance.
  async typeCheckCode(pairing) {
    this.go("type");
    byId("typed").value = "";
    const digits = await this.submitted(byId("panel-type"), () => {
      const typed = byId("typed").value.replace(/\s/g, "");
      if (/^\d\d$/.test(typed)) return typed;
      this.complain("typed", "Two digits, please.");
      return null;
    });
    if (digits !== pairing.checkCode) {
      await pairing.slot.close();
      throw new Ended("wrong_check_code");
    }
    this.working("The digits are right: the channel is safe.");
  }

  // --- Approving ---------------------------------------------------------------------------------

  working(text) {
    this.go("working", text);
  }

  showUserCode(userCode) {
    byId("user-code").textContent = userCode;
    this.go("user-code", "Waiting for your decision …");
  }

  // Resolves when the person opened the page.
  async openApproval(url, deviceId) {
    byId("asked-device").textContent = deviceId;
    byId("approval").href = url;
    this.go("approve");
    await this.happened(byId("approval"), "click", () => url);
    this.working("Decide on the approval page. Then the new device gets its tokens.");
  }

  // --- The outcome -------------------------------------------------------------------------------

  facts(rows) {
    const elements = Object.entries(rows).flatMap(([name, value]) => {
      const [term, description] = [document.createElement("dt"), document.createElement("dd")];
      term.textContent = name;
      description.textContent = value;
      return [term, description];
    });
    byId("facts").replaceChildren(...elements);
  }

  devices(devices, { own, added }) {
    const items = devices.map(({ device_id, display_name }) => {
      const item = document.createElement("li");
      item.dataset.device = device_id;
      const id = document.createElement("code");
      id.textContent = device_id;
      item.append(id, ` ${display_name ?? ""}`);
      const mark = { [own]: "this window", [added]: "new" }[device_id];
      if (mark) item.append(" ", Object.assign(document.createElement("strong"), { textContent: mark }));
      return item;
    });
    byId("devices").replaceChildren(...items);
  }

  over({ title, text, detail }) {
    byId("over-title").textContent = title;
    byId("over-why").textContent = text;
    byId("over-detail").textContent = detail;
    byId("over-detail").hidden = !detail;
    this.go("over");
  }

  // --- What a person does ------------------------------------------------------------------------

  submitted(form, read) {
    return this.happened(form, "submit", (event) => {
      event.preventDefault();
      return read();
    });
  }

  // The first thing that `read` makes of an event and that is not null; rejects when the person cancels.
  happened(element, type, read) {
    const { signal } = this;
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      element.addEventListener(
        type,
        function once(event) {
          const found = read(event);
          if (found === null) return;
          element.removeEventListener(type, once);
          resolve(found);
        },
        { signal },
      );
    });
  }
}
