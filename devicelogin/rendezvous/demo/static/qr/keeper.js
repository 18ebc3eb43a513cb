// What a window remembers while it is open, over a reload too: its session, and what it waits for at another page.

const SESSION = "latchkey-qr-demo-session";
const AWAY = "latchkey-qr-demo-away";

export class Keeper {
  constructor(role) {
    this.role = role;
    this.session = read(`${SESSION}-${role}`);
  }

  keep(session) {
    this.session = session;
    sessionStorage.setItem(`${SESSION}-${this.role}`, JSON.stringify(session));
  }

  forget() {
    this.session = null;
    sessionStorage.removeItem(`${SESSION}-${this.role}`);
  }

  leave(facts) {
    sessionStorage.setItem(AWAY, JSON.stringify(facts));
  }

  // Once: null when the browser was nowhere.
  comeBack() {
    const facts = read(AWAY);
    sessionStorage.removeItem(AWAY);
    return facts;
  }
}

function read(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key));
  } catch {
    return null;
  }
}
