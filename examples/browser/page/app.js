// The page: what is chosen, what is done about it, what is shown.

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
  form.addEventListener("submit", (event) => { event.preventDefault(); view.look(); run(); });
  form.mirrors.addEventListener("change", () => { view.look(); run(); });
  document.querySelector("#forget").addEventListener("click", async () => {
    await interrupt();
    await store.forget();
    await remembered();
    view.verdict("idle", "Forgotten", "This browser knows nothing of the repository any more, except for the root file that came with the page.");
  });
  await remembered();
  if (form.path.value) run();
}

/** Ends what is going on, and waits for its end: two runs must not write to one store. */
async function interrupt() {
  running.abort(new Error("interrupted"));
  running = new AbortController();
  await finished;
}

async function run() {
  const mine = interrupt();
  const signal = running.signal;
  await mine;
  if (signal.aborted) return; // there has been another click since
  finished = alone(signal, () => attempt(signal)).catch((error) => {
    if (!signal.aborted) view.refused(error);
  });
}

/** Other tabs use the same store: one at a time. A page that is not served safely has no locks. */
function alone(signal, work) {
  return navigator.locks ? navigator.locks.request(config.store, { signal }, work) : work();
}

async function attempt(signal) {
  const path = form.path.value;
  const base = `mirrors/${form.elements.mirror.value}`;
  const floors = await store.floors();
  const anchor = Uint8Array.from(atob(config.anchor), (c) => c.charCodeAt(0));
  const session = open(anchor, floors, new Date());
  const watch = view.begin(path);
  try {
    let lookup;
    session.find(path);
    watch.state(session.state());
    await update(session, store, base, signal, {
      asked: (request) => {
        watch.state(session.state());
        return watch.asked(request);
      },
      found: (l) => { lookup = l; },
    });
    signal.throwIfAborted();
    const state = session.state();
    watch.state(state);
    await remembered();
    watch.found(lookup);
    if (state.error) throw state.error;
    if (lookup.error) throw lookup.error;
    const blob = await download(session, lookup.target, base, signal, watch);
    view.verified(lookup.target, blob, { first: !floors["timestamp.json"], warnings: state.warnings });
  } finally {
    watch.end();
    session.release();
  }
}

/** Shows what is stored. It is only looked at here: what it is worth is the session's to say. */
async function remembered() {
  const versions = {};
  for (const [name, data] of Object.entries(await store.floors())) {
    try { versions[name.split(".")[0]] = JSON.parse(new TextDecoder().decode(data)).signed.version; } catch { /* none, or damaged */ }
  }
  view.remembered(versions);
}

start().catch((error) => view.verdict("refused", "The page could not be started", error.message));
