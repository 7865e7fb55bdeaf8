// Verifies a target of a repository in a folder (root.json, metadata, targets):
//
//   node update.mjs tufwalk.wasm FOLDER TIME PATH

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { load } from "./tufwalk.mjs";

const [wasm, folder, time, path] = process.argv.slice(2);
const call = await load(wasm);
const root = await readFile(join(folder, "root.json"));
const [{ session }] = call({ call: "open", time, trusted_root: root.length }, root);
const [{ lookup }] = call({ call: "find", session, path });

async function answer({ id, path }) {
  let body;
  try {
    body = await readFile(join(folder, "metadata", path));
  } catch {
    call({ call: "not_found", session, id });
    return;
  }
  try {
    call({ call: "provide", session, id }, body);
  } catch (error) {
    if (!error.rejected) throw error;
    call({ call: "fail", session, id, said: [{ name: folder, rejection: error.rejection }] });
  }
}

for (;;) {
  const [{ batch }] = call({ call: "next", session }); // nothing is saved: there is no store
  if (!batch.more) break;
  await Promise.all((batch.fetch ?? []).map(answer));
}

const [{ target }] = call({ call: "target", session, lookup });
const data = await readFile(join(folder, "targets", target.url_paths[0]));
const [{ verifier }] = call({ call: "verifier", session, lookup });
call({ call: "write", session, verifier }, data);
call({ call: "verify", session, verifier });
console.log(`${target.path}: ${data.length} bytes, verified, listed by ${target.role}`);
