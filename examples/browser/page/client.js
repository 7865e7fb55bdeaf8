// The I/O of the client. The session makes all decisions.

const silence = 20_000; // milliseconds that a mirror may send nothing

class Absent extends Error { kind = "absent"; }

/** Handles batches until there is nothing to do. Reports to watch. */
export async function update(session, store, base, signal, watch) {
  const open = new Set();
  for (;;) {
    const batch = session.next();
    if (batch) {
      // Saving comes first: if it fails, nothing may be used.
      for (const record of batch.save) await store.save(record);
      for (const request of batch.fetch) {
        const answered = answer(session, store, base, signal, request, watch).finally(() => open.delete(answered));
        open.add(answered);
      }
      for (const lookup of batch.done) watch.done(lookup);
    } else if (open.size > 0) {
      await Promise.race(open);
    } else {
      return;
    }
  }
}

async function answer(session, store, base, signal, request, watch) {
  const entry = watch.requested(request);
  const stored = request.storeName && (await store.load(request.storeName).catch(() => undefined));
  if (stored) {
    try {
      session.provideSaved(request.id, stored);
      return entry.end("stored", stored.length);
    } catch { /* the mirror is asked instead */ }
  }
  try {
    const body = await fetchFile(`${base}/metadata/${request.path}`, request.maxBytes, signal);
    session.provide(request.id, body);
    entry.end("trusted", body.length);
  } catch (error) {
    if (error instanceof Absent) session.notFound(request.id, error.message);
    else session.fail(request.id, error);
    const expected = request.optional && error instanceof Absent; // there is no newer root
    entry.end(stateOf(error), undefined, expected ? undefined : error);
  }
}

const stateOf = (error) => error instanceof Absent ? "absent" : error.kind ? "refused" : "failed";

/** Returns the body, cut after one byte more than max. */
async function fetchFile(url, max, signal) {
  const parts = [];
  let length = 0;
  for await (const part of stream(url, signal)) {
    parts.push(part.subarray(0, max + 1 - length));
    length += parts.at(-1).length;
    if (length > max) break;
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const part of parts) { body.set(part, at); at += part.length; }
  return body;
}

/** Downloads a target. Returns a Blob of verified bytes, or throws. */
export async function download(session, target, base, signal, watch) {
  let last;
  for (const path of target.urlPaths) {
    const entry = watch.requested({ isFile: true, path });
    const verifier = session.verifier(target);
    const parts = []; // not shown before they are verified
    let length = 0;
    try {
      for await (const part of stream(`${base}/targets/${path}`, signal)) {
        length += part.length;
        watch.progress(length, target.length);
        verifier.write(part); // throws at the first byte too many, or at a wrong hash
        parts.push(part);
      }
      verifier.verify();
      entry.end("trusted", length);
      return new Blob(parts, { type: "application/octet-stream" });
    } catch (error) {
      entry.end(stateOf(error), length || undefined, error);
      if (!(error instanceof Absent)) throw error;
      last = error;
    }
  }
  throw last;
}

/**
 * Yields the pieces of a body. It ends early if nothing comes for too long, by
 * signal, or if the caller stops.
 */
async function* stream(url, signal) {
  const quiet = new AbortController();
  let timer;
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => quiet.abort(new Error(`nothing came for ${silence / 1000} seconds`)), silence);
  };
  alive();
  try {
    const response = await fetch(url, {
      signal: AbortSignal.any([signal, quiet.signal]),
      cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer",
    });
    if ([403, 404, 410].includes(response.status)) throw new Absent(`HTTP status ${response.status}`);
    if (!response.ok) throw new Error(`HTTP status ${response.status}`);
    const reader = response.body.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        alive();
        yield value;
      }
    } finally {
      reader.cancel().catch(() => {});
    }
  } finally {
    clearTimeout(timer);
  }
}
