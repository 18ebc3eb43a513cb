// The server under test over HTTP, asked as jQuery of the application asks it, or with JSON.

const FORM = "application/x-www-form-urlencoded; charset=UTF-8";

// jQuery's way to write a form: encodeURIComponent, blanks as plus signs.
function serialized(fields) {
  const pairs = Object.entries(fields).map((pair) => pair.map(encodeURIComponent).join("="));
  return pairs.join("&").replaceAll("%20", "+");
}

export const BODIES = {
  form: (fields) => ({ body: serialized(fields), type: FORM }),
  JSON: (fields) => ({ body: JSON.stringify(fields), type: "application/json" }),
};

export class Server {
  constructor(url) {
    this.url = url;
  }

  async ask(method, path, { body, type, headers = {} } = {}) {
    const all = { Origin: "https://laverna.example", "X-Requested-With": "XMLHttpRequest", ...headers };
    if (type) all["Content-Type"] = type;
    const response = await fetch(`${this.url}/api${path}`, { method, headers: all, body, redirect: "manual" });
    const text = await response.text();
    const isJSON = /^application\/json\b/.test(response.headers.get("content-type") ?? ""); // jQuery goes by it
    return { status: response.status, headers: response.headers, text, json: isJSON ? JSON.parse(text) : undefined };
  }

  get(path) {
    return this.ask("GET", path);
  }

  post(path, fields, as = "form") {
    return this.ask("POST", path, BODIES[as](fields));
  }
}
