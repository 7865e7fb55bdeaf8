// Plays a recording some times, and prints milliseconds: to start the module, of
// the quickest run, and of a call.
//
//   node time.mjs tufwalk.wasm RECORDING TIMES

import { readFile } from "node:fs/promises";
import { load } from "./tufwalk.mjs";

const [wasm, file, times] = process.argv.slice(2);
const begun = performance.now();
const call = await load(wasm);
const start = performance.now() - begun;

const blobs = new Map(), steps = [];
for (const line of (await readFile(file, "utf8")).trim().split("\n")) {
  const step = JSON.parse(line);
  if (step.blob) blobs.set(step.blob, Buffer.from(step.data, "base64"));
  else steps.push(step);
}

function open({ root, time, options }) {
  const body = blobs.get(root);
  return call({ call: "open", time, options, trusted_root: body.length }, body)[0].session;
}

function play() {
  let session;
  for (const step of steps) {
    switch (step.do) {
      case "open": session = open(step); break;
      case "find": call({ call: "find", session, path: step.path }); break;
      case "provide": call({ call: "provide", session, id: step.id }, blobs.get(step.body)); break;
      case "not_found": call({ call: "not_found", session, id: step.id, said: step.said }); break;
      default: call({ call: step.do, session });
    }
  }
  return session;
}

let best = Infinity;
for (let i = 0; i < times; i++) {
  const begun = performance.now();
  const session = play();
  best = Math.min(best, performance.now() - begun);
  call({ call: "close", session });
}
const session = open(steps[0]);
const before = performance.now();
for (let i = 0; i < 1000; i++) call({ call: "wanted", session, id: "1" });
const each = (performance.now() - before) / 1000;
console.log(start, best, each);
