// The client's I/O: everything that a session wants done, and nothing that it decides.

const silence = 20_000; // milliseconds that a mirror may send nothing at all

class Absent extends Error { kind = "absent"; }

/** Goes on until there is nothing to do. What happens is told to watch. */
export async function update(session, store, base, signal, watch) {
  const open = new Set();
  for (;;) {
    const batch = session.next();
    if (batch) {
      for (const record of batch.save) await store.save(record); // before anything else; if it fails, nothing may be used
      for (const request of batch.fetch) {
        const answered = answer(session, store, base, signal, request, watch).finally(() => open.delete(answered));
        open.add(answered);
      }
      for (const lookup of batch.found) watch.found(lookup);
    } else if (open.size > 0) {
      await Promise.race(open);
    } else {
      return;
    }
  }
}

async function answer(session, store, base, signal, request, watch) {
  const entry = watch.asked(request);
  const remembered = request.name && (await store.load(request.name).catch(() => undefined));
  if (remembered) {
    try {
      session.provide(request.id, remembered);
      return entry.end("remembered", remembered.length);
    } catch { /* it may help, and never says no */ }
  }
  try {
    const body = await fetchFile(`${base}/metadata/${request.path}`, request.maxBytes, signal);
    session.provide(request.id, body);
    entry.end("trusted", body.length);
  } catch (error) {
    if (error instanceof Absent) session.notFound(request.id);
    else session.fail(request.id, error.message);
    entry.end(outcome(error), undefined, request.optional && error instanceof Absent ? undefined : error);
  }
}

const outcome = (error) => error instanceof Absent ? "absent" : error.kind ? "refused" : "failed";

/** The whole body, or so much of it that the session sees that it is too long. */
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

/** Downloads a target. The result is a Blob of verified bytes; on any doubt there is none. */
export async function download(session, target, base, signal, watch) {
  let last;
  for (const path of target.urlPaths) {
    const entry = watch.asked({ isFile: true, path });
    const verifier = session.verifier(target);
    const parts = []; // nobody sees them before the verdict
    let length = 0;
    try {
      for await (const part of stream(`${base}/targets/${path}`, signal)) {
        length += part.length;
        watch.progress(length, target.length);
        verifier.write(part); // throws at the first byte too many, and at a wrong hash
        parts.push(part);
      }
      verifier.verdict();
      entry.end("trusted", length);
      return new Blob(parts, { type: "application/octet-stream" });
    } catch (error) {
      entry.end(outcome(error), length || undefined, error);
      if (!(error instanceof Absent)) throw error;
      last = error;
    }
  }
  throw last;
}

/** The body in pieces, as they come; it is given up when it falls silent, when signal says so, or when nobody reads on. */
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
      signal: AbortSignal.any([signal, quiet.signal]), cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer",
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
