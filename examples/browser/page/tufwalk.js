// The bridge to the library: numbers become objects, and errors that Go returned are thrown. Each has a kind beside its message.

/** Starts the program; the result opens sessions. */
export async function load() {
  const go = new Go(); // from wasm_exec.js
  const { instance } = await WebAssembly.instantiateStreaming(fetch("bridge.wasm"), go.importObject);
  const ended = go.run(instance); // has set globalThis.tufwalk when it returns
  ended.then(() => console.error("the program in the page has ended"));
  return (anchor, stored, now) => new Session(anchor, stored, now);
}

function call(name, ...args) {
  const value = globalThis.tufwalk[name](...args);
  if (value instanceof Error) throw value;
  return value;
}

class Session {
  #id;
  constructor(anchor, stored, now) { this.#id = call("open", anchor, stored, now.getTime()); }
  find(path) { call("find", this.#id, path); }
  next() { return call("next", this.#id); }
  provide(id, bytes) { call("provide", this.#id, id, bytes); }
  notFound(id) { call("notFound", this.#id, id); }
  fail(id, why) { call("fail", this.#id, id, String(why)); }
  state() { return call("state", this.#id); }
  release() { call("release", this.#id); }
  verifier(target) {
    const id = call("verifier", this.#id, target.handle);
    return {
      write: (bytes) => call("write", this.#id, id, bytes),
      verdict: () => call("verdict", this.#id, id),
    };
  }
}
