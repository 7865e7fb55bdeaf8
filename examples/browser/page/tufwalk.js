// The bridge to the library: messages, as docs/embedding.md has them. It makes
// objects of the answers, and throws their errors. Each error has a kind, which
// the page explains.

/** Starts the program. Returns a function that opens sessions. */
export async function load() {
  const go = new Go(); // from wasm_exec.js
  const { instance } = await WebAssembly.instantiateStreaming(fetch("bridge.wasm"), go.importObject);
  const ended = go.run(instance); // sets globalThis.tufwalkCall before it returns
  ended.then(() => console.error("the program in the page has ended"));
  return (trustedRoot, stored, now) => new Session(trustedRoot, stored, now);
}

/** The page's words for the reasons that have others here. */
const kinds = { threshold: "signature", "no target": "no-target" };

class LibraryError extends Error {
  constructor({ text, reason, rejection }) {
    super(text);
    this.kind = kinds[reason] ?? reason ?? "other";
    this.rejection = rejection;
  }
}

/** Sends a message. Returns the line of the answer, with its body, and error. */
function send(message, ...bodies) {
  const line = new TextEncoder().encode(JSON.stringify({ v: 1, ...message }) + "\n");
  const text = new Uint8Array(bodies.reduce((n, body) => n + body.length, line.length));
  let at = 0;
  for (const part of [line, ...bodies]) { text.set(part, at); at += part.length; }
  const answer = globalThis.tufwalkCall(text);
  const end = answer.indexOf(10);
  const values = JSON.parse(new TextDecoder().decode(answer.subarray(0, end)));
  values.body = answer.subarray(end + 1);
  if (values.error) values.error = new LibraryError(values.error);
  return values;
}

function call(message, ...bodies) {
  const answer = send(message, ...bodies);
  if (answer.error) throw answer.error;
  return answer;
}

const millis = (time) => Date.parse(time);

class Session {
  #session;

  constructor(trustedRoot, stored, now) {
    const files = Object.entries(stored).filter(([, data]) => data);
    this.#session = call({
      call: "open", time: now.toISOString(), trusted_root: trustedRoot.length,
      stored: files.map(([name, data]) => ({ name, length: data.length })),
    }, trustedRoot, ...files.map(([, data]) => data)).session;
  }

  #call(name, members, ...bodies) { return call({ call: name, session: this.#session, ...members }, ...bodies); }

  lookup(path) { this.#call("find", { path }); }
  provide(id, bytes) { this.#call("provide", { id }, bytes); }
  provideSaved(id, bytes) { this.#call("provide_saved", { id }, bytes); }
  notFound(id, why) { this.#call("not_found", { id, said: [{ absent: true, text: String(why) }] }); }
  fail(id, { message, rejection }) { this.#call("fail", { id, said: [{ rejection, text: message }] }); }
  release() { this.#call("close"); }

  /** Returns a batch, or null if there is nothing to do until a request is answered. */
  next() {
    const { batch, body } = this.#call("next");
    if (!batch.more) return null;
    let at = 0;
    return {
      save: (batch.save ?? []).map(({ role, version, store_name: storeName, length }) =>
        ({ role, version, storeName, data: body.slice(at, at += length) })),
      fetch: (batch.fetch ?? []).map(({ store_name: storeName, max_bytes: maxBytes, ...request }) =>
        ({ storeName, maxBytes, ...request })),
      done: (batch.done ?? []).map((lookup) => this.#done(lookup)),
    };
  }

  #done(lookup) {
    const { target: t, trail = [], error = null } = send({ call: "target", session: this.#session, lookup, trail: true });
    const steps = trail.map((s) =>
      ({ ...s, expires: s.expires && millis(s.expires), error: s.error ? new LibraryError(s.error) : null }));
    if (error) return { target: null, trail: steps, error };
    if (!t.url_paths) {
      return { target: null, trail: steps, error: new LibraryError({ text: `unsafe path ${t.path}`, reason: "path" }) };
    }
    return {
      trail: steps, error: null, target: {
        lookup, path: t.path, role: t.role, length: t.length, custom: t.custom, urlPaths: t.url_paths,
        expires: millis(t.expires), hashes: Object.entries(t.hashes).map(([name, digest]) => `${name}:${digest}`),
      },
    };
  }

  /** Returns the trusted top-level roles, and the error that ended the update, or null. */
  state() {
    const { status } = this.#call("status");
    return {
      roles: status.roles.map((r) => ({ ...r, expires: millis(r.expires) })),
      error: status.error ? new LibraryError(status.error) : null,
      warnings: (status.warnings ?? []).map((w) => w.text),
    };
  }

  verifier({ lookup }) {
    const { verifier } = this.#call("verifier", { lookup });
    return {
      write: (bytes) => { this.#call("write", { verifier }, bytes); },
      verify: () => { this.#call("verify", { verifier }); },
    };
  }
}
