// One running application on one device: its socket, what it is told, and its peers (the `Peer` model).

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { open, within } from "./sockets.mjs";

const require = createRequire(import.meta.url);
const EVENTS = ["invite", "requestOffer", "offer", "signal"];

export class Device {
  constructor(person, socketKind, deviceId = randomBytes(24).toString("hex")) {
    Object.assign(this, { person, socketKind, deviceId, log: [], listeners: [], contacts: new Map(), peers: [] });
    this.contacts.set(person.username, person.publicKey);
  }

  get name() {
    return { username: this.person.username, deviceId: this.deviceId };
  }

  async connect(options = {}) {
    const names = { ...this.name, token: this.person.token };
    const listeners = Object.fromEntries(EVENTS.map((event) => [event, (data) => this.hear(event, data)]));
    listeners.error = (data) => this.hear("error", data);
    this.socket = await open(this.socketKind, this.person.server.url, names, { listeners, ...options });
    return this;
  }

  hear(event, data) {
    this.log.push([event, data]);
    for (const listener of [...this.listeners]) listener(event, data);
  }

  // The next `count` things the device is told, which must be of this kind; it forgets them.
  async told(event, count = 1) {
    await this.until(() => this.log.length >= count, `${count} of ${event}`);
    const heard = this.log.splice(0, count);
    assert.deepEqual(heard.map(([name]) => name), Array(count).fill(event), JSON.stringify(heard).slice(0, 500));
    return heard.map(([, data]) => data);
  }

  until(holds, what) {
    return within(new Promise((resolve) => {
      const look = () => {
        if (!holds()) return;
        this.listeners = this.listeners.filter((listener) => listener !== look);
        resolve();
      };
      this.listeners.push(look);
      look();
    }), `${what} at ${this.socketKind}; it was told ${JSON.stringify(this.log).slice(0, 300)}`);
  }

  // What the server answers when it is asked for an acknowledgement.
  ask(event, data) {
    return within(new Promise((resolve) => this.socket.emit(event, data, resolve)), `an acknowledgement of ${event}`);
  }

  emit(event, data) {
    this.socket.emit(event, data);
  }

  close() {
    for (const { instance } of this.peers.splice(0)) instance.destroy();
    this.socket.close();
  }

  // --- Invitations, as the `Signal` and `Users` models make and check them ---------------------

  async invite(other) {
    const fingerprint = await other.fingerprint();
    const text = JSON.stringify({ fingerprint, from: this.person.username, to: other.username });
    this.emit("sendInvite", { username: other.username, signature: await this.person.sign(text) });
  }

  async believes({ username, fingerprint, publicKey, signature }) {
    const { library } = this.person;
    if ((await library.fingerprint(publicKey)) !== fingerprint) return false;
    const text = await library.verify(signature, publicKey);
    if (text === null) return false;
    const { from, to, fingerprint: meant } = JSON.parse(text);
    return from === username && to === this.person.username && meant === (await this.person.fingerprint());
  }

  trust({ username, publicKey }) {
    this.contacts.set(username, publicKey);
  }

  // --- Peers ------------------------------------------------------------------------------------

  // From now on the device answers by itself, with a real simple-peer over `wrtc`.
  goLive(wrtc) {
    const SimplePeer = require("simple-peer");
    this.makePeer = (initiator) => new SimplePeer({ initiator, wrtc, trickle: true, config: { iceServers: [] } });
    this.order = Promise.resolve();
    const react = { requestOffer: this.onRequestOffer, offer: this.onOffer, signal: this.onSignal };
    this.listeners.push((event, data) => react[event]?.call(this, data));
    return this;
  }

  peer({ username, deviceId }) {
    return this.peers.find((peer) => peer.username === username && peer.deviceId === deviceId);
  }

  onRequestOffer(user) {
    const isOwn = user.username === this.person.username && user.deviceId === this.deviceId;
    if (!this.contacts.has(user.username) || isOwn || this.peer(user)?.instance.connected) return;
    this.emit("sendOffer", user);
  }

  onOffer({ user, initiator }) {
    if (!this.contacts.has(user.username) || this.peer(user)) return;
    const peer = { ...user, instance: this.makePeer(initiator === true), received: [] };
    this.peers.push(peer);
    peer.instance.on("error", () => {});
    peer.instance.on("signal", (signal) => this.sendSignal(signal, peer));
    peer.instance.on("connect", () => this.hear("connected", user));
    peer.instance.on("data", (data) => this.hear("data", { user, text: data.toString() }));
    peer.instance.on("close", () => this.lose(peer));
  }

  lose(peer) {
    if (!this.peers.includes(peer)) return;
    this.peers.splice(this.peers.indexOf(peer), 1);
    this.hear("closed", { username: peer.username, deviceId: peer.deviceId });
  }

  // Ends every peer; when it returns, all that was to be sent has been sent.
  async rest() {
    for (const { instance } of this.peers.splice(0)) instance.destroy();
    await this.order;
  }

  // Signing takes time: what simple-peer said first is sent first.
  sendSignal(signal, { username, deviceId }) {
    const signed = this.person.sign(JSON.stringify({ signal }));
    this.order = this.order.then(async () => {
      this.emit("sendSignal", { signal, signature: await signed, to: { username, deviceId } });
    });
  }

  // The receiver writes the object down again and compares it with the text that was signed.
  onSignal({ signal, signature, from }) {
    this.order = this.order.then(async () => {
      const text = await this.person.library.verify(signature, this.contacts.get(from.username));
      if (text !== JSON.stringify({ signal })) return this.hear("forged", { signal, text });
      return this.peer(from)?.instance.signal(signal);
    });
  }
}
