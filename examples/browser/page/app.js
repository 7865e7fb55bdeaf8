// The page: reads the user's choice, runs the client, and shows the outcome.

import { load } from "./tufwalk.js";
import { openStore } from "./store.js";
import { download, update } from "./client.js";
import * as view from "./view.js";

const form = document.querySelector("form");
let running = new AbortController();
let config, store, open, finished = Promise.resolve();

async function start() {
  config = await (await fetch("config.json")).json();
  [store, open] = await Promise.all([openStore(config.store), load()]);
  view.choices(form, config);
  form.addEventListener("submit", (event) => { event.preventDefault(); view.scroll(); run(); });
  form.mirrors.addEventListener("change", () => { view.scroll(); run(); });
  document.querySelector("#forget").addEventListener("click", async () => {
    await interrupt();
    await store.forget();
    await showStored();
    view.outcome("idle", "Forgotten", "The stored files are deleted. The root file that came with the page is left.");
  });
  await showStored();
  if (form.path.value) run();
}

/** Ends the current run: two runs must not write to one store. */
async function interrupt() {
  running.abort(new Error("interrupted"));
  running = new AbortController();
  await finished;
}

async function run() {
  const mine = interrupt();
  const signal = running.signal;
  await mine;
  if (signal.aborted) return; // there was another click
  finished = alone(signal, () => attempt(signal)).catch((error) => {
    if (!signal.aborted) view.refused(error);
  });
}

/** Tabs share the store, so one runs at a time, if there are locks. */
function alone(signal, work) {
  return navigator.locks ? navigator.locks.request(config.store, { signal }, work) : work();
}

async function attempt(signal) {
  const path = form.path.value;
  const base = `mirrors/${form.elements.mirror.value}`;
  const stored = await store.stored();
  const trustedRoot = Uint8Array.from(atob(config.trustedRoot), (c) => c.charCodeAt(0));
  const session = open(trustedRoot, stored, new Date());
  const watch = view.begin(path);
  try {
    let lookup;
    session.lookup(path);
    watch.state(session.state());
    await update(session, store, base, signal, {
      requested: (request) => {
        watch.state(session.state());
        return watch.requested(request);
      },
      done: (l) => { lookup = l; },
    });
    signal.throwIfAborted();
    const state = session.state();
    watch.state(state);
    await showStored();
    watch.done(lookup);
    if (state.error) throw state.error;
    if (lookup.error) throw lookup.error;
    const blob = await download(session, lookup.target, base, signal, watch);
    view.verified(lookup.target, blob, { first: !stored["timestamp.json"], warnings: state.warnings });
  } finally {
    watch.end();
    session.release();
  }
}

/** Shows the stored versions, without verifying the files. */
async function showStored() {
  const versions = {};
  for (const [name, data] of Object.entries(await store.stored())) {
    try {
      versions[name.split(".")[0]] = JSON.parse(new TextDecoder().decode(data)).signed.version;
    } catch { /* there is no file, or it is damaged */ }
  }
  view.stored(versions);
}

start().catch((error) => view.outcome("refused", "The page could not start", error.message));
