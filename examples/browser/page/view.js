// The display. Data from mirrors is shown as text, never as HTML.

const $ = (selector) => document.querySelector(selector);

function element(name, attributes = {}, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  e.append(...children);
  return e;
}

const bytes = (n) =>
  n < 1000 ? `${n} bytes` : n < 1e6 ? `${(n / 1e3).toFixed(1)} kB` : `${(n / 1e6).toFixed(1)} MB`;

const date = (millis) => new Date(millis).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });

function until(millis) {
  const hours = (millis - Date.now()) / 3.6e6;
  const words = new Intl.RelativeTimeFormat("en", { numeric: "always" });
  return Math.abs(hours) < 48 ? words.format(Math.round(hours), "hour") : words.format(Math.round(hours / 24), "day");
}

// Explanations of errors. The error text of the library is shown below them.
const reasons = {
  signature: ["Not properly signed",
    "A file was changed after it was signed, or it was signed by somebody who may not sign it."],
  rollback: ["Older than what you have seen",
    "The signatures are good, but this browser has stored a newer version. " +
    "The mirror shows you an old state, with holes that are fixed by now."],
  expired: ["Out of date",
    "The signatures are good, but they have expired. " +
    "Either the repository is no longer signed, or the mirror hides new files from you."],
  hash: ["Not the bytes that were signed",
    "The hash is wrong. The download was thrown away, and was never offered to you."],
  length: ["Wrong length", "The length is signed too. The download was thrown away."],
  version: ["Wrong version", "A file has another version than the one that the signed metadata lists."],
  syntax: ["Not readable", "The answer is not well-formed metadata."],
  limit: ["Too much", "The answer is beyond a limit that protects this page."],
  absent: ["Not there", "The mirror does not have a file that the signed metadata lists."],
  path: ["An unsafe name", "This target path cannot be part of a URL."],
  "no-target": ["No such target", "All roles that may list this name were asked, and none does."],
};

export function choices(form, config) {
  config.mirrors.forEach((m, i) => {
    const input = element("input", {
      type: "radio", name: "mirror", value: m.name, id: `mirror-${m.name}`, "aria-describedby": `says-${m.name}`,
    });
    input.checked = i === 0;
    $("#choices").append(element("label", { class: "choice" }, input,
      element("span", {}, element("b", {}, m.label), element("small", { id: `says-${m.name}` }, m.says))));
  });
  form.path.value = config.targets?.[0] ?? "";
  for (const path of config.targets ?? []) $("#paths").append(element("option", { value: path }));
  if (!form.path.value) outcome("idle", "Ready", "Enter a target to fetch.");
}

export function outcome(state, title, text, detail = "") {
  $("#outcome").dataset.state = state;
  $("#outcome-title").textContent = title;
  $("#outcome-text").textContent = text;
  $("#outcome-detail").textContent = detail;
  $("#outcome-detail").hidden = !detail;
}

export function refused(error) {
  const [title, text] = reasons[error.kind] ??
    ["Not available", "The mirror could not be reached, or its answer makes no sense."];
  outcome("refused", `Refused: ${title[0].toLowerCase()}${title.slice(1)}`, text, error.message);
}

/** Offers the file. No other function does: the blob is verified. */
export function verified(target, blob, { first, warnings }) {
  const name = target.path.split("/").at(-1);
  const custom = target.custom && JSON.parse(target.custom);
  const which = typeof custom?.version === "string" ? `, version ${custom.version}` : "";
  outcome("verified", "Verified",
    `${name}${which}, is the file that ${target.role} signed. Valid until ${date(target.expires)}.`,
    target.hashes.map((h) => h.replace(":", " ")).join("\n"));
  const link = element("a", { href: URL.createObjectURL(blob), download: name, class: "button" }, `Save ${name}`);
  $("#save").append(link);
  const notes = [...warnings];
  if (first) {
    notes.push("This browser had no stored files of this repository. So it could not have noticed an older state " +
      "before its timestamp expires. From now on it can.");
  }
  for (const note of notes) $("#save").append(element("p", { class: "note" }, note));
}

export function stored(versions) {
  const roles = Object.keys(versions);
  $("#memory dl").replaceChildren(...roles.map((role) =>
    element("div", {}, element("dt", {}, role), element("dd", {}, `version ${versions[role]}`))));
  if (roles.length === 0) $("#memory dl").append(element("div", {}, element("dt", {}, "nothing yet")));
  $("#forget").disabled = roles.length === 0;
}

const badges = {
  asking: "asking", trusted: "trusted", stored: "stored", absent: "no such file", refused: "refused", failed: "failed",
};

/** Scrolls to the outcome on narrow pages. */
export function scroll() {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  $("#outcome").scrollIntoView({ block: "nearest", behavior: still ? "auto" : "smooth" });
}

/** Clears the page for a run. Returns functions that show its progress. */
export function begin(path) {
  for (const link of document.querySelectorAll("#save a")) URL.revokeObjectURL(link.href);
  $("#save").replaceChildren();
  $("#download").hidden = true;
  $("#trail-others").hidden = true;
  outcome("working", "Looking", `Following the trail to ${path} …`);

  const begun = performance.now();
  const list = $("#requests ol");
  list.replaceChildren();
  const nodes = new Map();
  for (const role of ["root", "timestamp", "snapshot", "targets"]) nodes.set(role, { name: role, state: "waiting" });
  const file = { name: path.split("/").at(-1), state: "waiting", file: true };
  let firstRoot;
  const draw = () => trail([...nodes.values(), file]);
  const clock = () => performance.now() - begun;

  const rows = new Set(); // rows that wait for an answer
  let frame = requestAnimationFrame(function tick() {
    list.style.setProperty("--total", Math.max(clock(), 1));
    for (const row of rows) row.style.setProperty("--end", clock());
    frame = requestAnimationFrame(tick);
  });

  draw();
  return {
    state({ roles }) {
      firstRoot ??= roles[0].version;
      for (const { role, version, expires } of roles) Object.assign(nodes.get(role), { version, expires });
      nodes.get("root").from = firstRoot;
      draw();
    },
    requested({ role, path, isFile }) {
      const node = isFile ? file : nodes.get(role) ?? { name: role, state: "asking" };
      if (!isFile) nodes.set(role, node);
      node.state = "asking";
      if (role === "timestamp") nodes.get("root").state = "trusted"; // it is requested after the root
      draw();
      const badge = element("span", { class: "badge" }, badges.asking);
      const size = element("span", { class: "size" });
      const row = element("li", { "data-state": "asking" },
        element("span", { class: "what" }, element("code", {}, path)), size, badge,
        element("span", { class: "lane", "aria-hidden": "true" }, element("span", { class: "bar" })));
      row.style.setProperty("--start", clock());
      row.style.setProperty("--end", clock());
      rows.add(row);
      list.append(row);
      if (isFile) $("#download").hidden = false;
      return {
        end(state, length, error) {
          rows.delete(row);
          row.style.setProperty("--end", clock());
          row.dataset.state = state;
          badge.textContent = badges[state];
          if (length !== undefined) size.textContent = bytes(length);
          if (error) row.append(element("span", { class: "why" }, error.message));
          const isError = state === "refused" || state === "failed" || (state === "absent" && role !== "root");
          if (isError) node.state = "refused";
          else if (role !== "root") node.state = "trusted";
          draw();
        },
      };
    },
    /** Shows the trail from root to the role where the search ended. */
    done({ trail: steps, error }) {
      const chain = [];
      for (let i = steps.length - 1; i >= 0;) { // only to earlier steps: delegations may form a circle
        chain.unshift(steps[i]);
        i = steps.slice(0, i).findLastIndex((s) => s.role === chain[0].delegator);
      }
      const others = error?.kind === "no-target" ? steps : steps.filter((s) => !chain.includes(s));
      for (const role of [...nodes.keys()].slice(4)) {
        if (!chain.some((s) => s.role === role) && nodes.get(role).state !== "refused") nodes.delete(role);
      }
      for (const s of chain) {
        const state = s.error ? "refused" : "trusted";
        const node = { name: s.role, ...nodes.get(s.role), version: undefined, expires: undefined, state };
        if (s.version) Object.assign(node, { version: s.version, expires: s.expires });
        nodes.set(s.role, node);
      }
      if (error?.kind === "no-target") file.state = "refused";
      const names = others.filter((s) => !s.lists && s.role !== "targets").map((s) => s.role);
      $("#trail-others").textContent = `Also asked, and not listing it: ${names.join(", ")}.`;
      $("#trail-others").hidden = names.length === 0;
      draw();
    },
    progress(length, total) {
      if ($("#outcome-title").textContent !== "Downloading") {
        outcome("working", "Downloading", "Verified while it comes, and trusted when it is complete.");
      }
      $("#download progress").value = length / total;
      $("#download-text").textContent = `${bytes(length)} of ${bytes(total)}`;
    },
    end() {
      cancelAnimationFrame(frame);
      for (const node of nodes.values()) {
        if (node.state === "asking") node.state = "refused"; // the run ended there
      }
      draw();
      list.style.setProperty("--total", Math.max(clock(), 1));
    },
  };
}

const stateWords = { waiting: "not reached", asking: "asking", trusted: "trusted", refused: "refused" };

function trail(nodes) {
  $("#trail ol").replaceChildren(...nodes.map((n) => {
    const facts = [];
    if (n.version) {
      const from = n.from && n.from !== n.version ? `${n.from} → ` : "";
      facts.push(element("span", { class: "version" }, `version ${from}${n.version}`));
    }
    if (n.expires) {
      const when = element("time", { datetime: new Date(n.expires).toISOString(), title: date(n.expires) });
      when.textContent = n.expires > Date.now() ? `expires ${until(n.expires)}` : `expired ${until(n.expires)}`;
      facts.push(when);
    }
    return element("li", { "data-state": n.state, ...(n.file && { class: "file" }) },
      element("span", { class: "dot", "aria-hidden": "true" }),
      element("span", { class: "name" }, n.name),
      element("span", { class: "sr" }, `, ${stateWords[n.state]} `), ...facts);
  }));
}
