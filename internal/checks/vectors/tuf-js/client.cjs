// tuf-js with the command line of the TUF conformance suite. It needs the npm
// package tuf-js, found by NODE_PATH. VECTORS_TIME is the time in seconds since
// 1970; without it, the clock's.
"use strict";

const fs = require("fs");
const path = require("path");

if (process.env.VECTORS_TIME) {
  const now = 1000 * Number(process.env.VECTORS_TIME);
  const RealDate = Date;
  globalThis.Date = class extends RealDate {
    constructor(...args) {
      super(...(args.length === 0 ? [now] : args));
    }
    static now() {
      return now;
    }
  };
}

const { Updater } = require("tuf-js");

const options = {};
const targets = [];
const args = process.argv.slice(2);
while (args.length > 0 && args[0].startsWith("--")) {
  const [name, value] = args.splice(0, 2);
  if (name === "--target-name") {
    targets.push(value);
  } else {
    options[name.slice(2)] = value;
  }
}

async function main() {
  const [command, root] = args;
  const metadataDir = options["metadata-dir"];
  if (command === "init") {
    fs.mkdirSync(metadataDir, { recursive: true });
    fs.copyFileSync(root, path.join(metadataDir, "root.json"));
    return;
  }
  const updater = new Updater({
    metadataDir,
    metadataBaseUrl: options["metadata-url"],
    targetDir: options["target-dir"],
    targetBaseUrl: options["target-base-url"],
    config: { fetchRetries: 0, fetchRetry: 0 },
  });
  await updater.refresh();
  for (const name of targets) {
    const target = await updater.getTargetInfo(name);
    if (!target) {
      throw new Error(`no target ${name}`);
    }
    if (!(await updater.findCachedTarget(target))) {
      await updater.downloadTarget(target);
    }
  }
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(String(error && error.message));
    process.exit(1);
  },
);
