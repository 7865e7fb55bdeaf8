// tufwalk in Node: the WebAssembly module with Node's own WASI.

import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

/** An error of the library: kind, reason, role, version, expected, found. */
export class TufError extends Error {
  constructor({ text, ...facts }) {
    super(text);
    Object.assign(this, facts);
  }
}

/** Starts the module. Returns call(message, ...bodies) → [answer, body]. */
export async function load(file) {
  const wasi = new WASI({ version: "preview1" }); // no folder, no environment
  const { instance } = await WebAssembly.instantiate(await readFile(file), wasi.getImportObject());
  wasi.initialize(instance);
  const { alloc, free, call, memory } = instance.exports;

  return (message, ...bodies) => {
    const line = Buffer.from(JSON.stringify({ v: 1, ...message }) + "\n");
    const text = Buffer.concat([line, ...bodies]);
    const at = alloc(text.length) >>> 0;
    if (at === 0) throw new RangeError(`message of ${text.length} bytes is too long`);
    new Uint8Array(memory.buffer, at, text.length).set(text);
    const packed = BigInt.asUintN(64, call(at, text.length));
    const address = Number(packed >> 32n), length = Number(packed & 0xffffffffn);
    const answer = Buffer.from(new Uint8Array(memory.buffer, address, length)); // a copy
    free(at);
    free(address);
    const end = answer.indexOf(10);
    const { error, ...rest } = JSON.parse(answer.toString("utf8", 0, end));
    if (error) throw Object.assign(new TufError(error), rest);
    return [rest, answer.subarray(end + 1)];
  };
}
