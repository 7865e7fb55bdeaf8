// The bridge to the library. It makes objects of numbers, and throws the errors
// that Go returns. Each error has a kind.

/** Starts the program. Returns a function that opens sessions. */
export async function load() {
  const go = new Go(); // from wasm_exec.js
  const { instance } = await WebAssembly.instantiateStreaming(fetch("bridge.wasm"), go.importObject);
  const ended = go.run(instance); // sets globalThis.tufwalk before it returns
  ended.then(() => console.error("the program in the page has ended"));
  return (trustedRoot, stored, now) => new Session(trustedRoot, stored, now);
}

function call(name, ...args) {
  const value = globalThis.tufwalk[name](...args);
  if (value instanceof Error) throw value;
  return value;
}

class Session {
  #id;
  constructor(trustedRoot, stored, now) { this.#id = call("open", trustedRoot, stored, now.getTime()); }
  lookup(path) { call("lookup", this.#id, path); }
  next() { return call("next", this.#id); }
  provide(id, bytes) { call("provide", this.#id, id, bytes); }
  provideSaved(id, bytes) { call("provideSaved", this.#id, id, bytes); }
  notFound(id, why) { call("notFound", this.#id, id, String(why)); }
  fail(id, why) { call("fail", this.#id, id, String(why)); }
  state() { return call("state", this.#id); }
  release() { call("release", this.#id); }
  verifier(target) {
    const id = call("verifier", this.#id, target.handle);
    return {
      write: (bytes) => call("write", this.#id, id, bytes),
      verify: () => call("verify", this.#id, id),
    };
  }
}
