// What is seen. Whatever came from a mirror gets here as text, never as HTML.

const $ = (selector) => document.querySelector(selector);

function element(name, attributes = {}, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  e.append(...children);
  return e;
}

const bytes = (n) => n < 1000 ? `${n} bytes` : n < 1e6 ? `${(n / 1e3).toFixed(1)} kB` : `${(n / 1e6).toFixed(1)} MB`;

const date = (millis) => new Date(millis).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });

function until(millis) {
  const hours = (millis - Date.now()) / 3.6e6;
  const words = new Intl.RelativeTimeFormat("en", { numeric: "always" });
  return Math.abs(hours) < 48 ? words.format(Math.round(hours), "hour") : words.format(Math.round(hours / 24), "day");
}

// What the library's reasons mean. Its own words are shown below these.
const reasons = {
  signature: ["Not properly signed", "A file was changed after it was signed, or signed by somebody who has no say in it."],
  rollback: ["Older than what you have seen", "The signatures are good, but this browser remembers a newer state. Somebody shows you the past, with the holes that were mended since."],
  expired: ["Out of date", "The signatures are good, but they have run out. Either nobody signs any more, or somebody keeps you from seeing what is new."],
  hash: ["Not the bytes that were signed for", "The hash is another. What was downloaded has been thrown away, and was never offered to you."],
  length: ["Not as long as it should be", "The length is signed too. What was downloaded has been thrown away."],
  version: ["Another version than the one asked for", "A file says that it is of another version than the one that others vouch for."],
  syntax: ["Not readable", "The answer is no well-formed metadata."],
  limit: ["Too much", "The answer goes beyond a limit that protects this page."],
  absent: ["Not there", "The mirror does not have a file that the repository vouches for."],
  path: ["An unsafe name", "No address is made of such a target path."],
  "no-target": ["No such target", "Everything was checked, and nobody who has a say lists this name."],
};

export function choices(form, config) {
  config.mirrors.forEach((m, i) => {
    const input = element("input", { type: "radio", name: "mirror", value: m.name, id: `mirror-${m.name}`, "aria-describedby": `says-${m.name}` });
    input.checked = i === 0;
    $("#choices").append(element("label", { class: "choice" }, input,
      element("span", {}, element("b", {}, m.label), element("small", { id: `says-${m.name}` }, m.says))));
  });
  form.path.value = config.targets?.[0] ?? "";
  for (const path of config.targets ?? []) $("#paths").append(element("option", { value: path }));
  if (!form.path.value) verdict("idle", "Ready", "Name a target to fetch.");
}

export function verdict(state, title, text, detail = "") {
  $("#verdict").dataset.state = state;
  $("#verdict-title").textContent = title;
  $("#verdict-text").textContent = text;
  $("#verdict-detail").textContent = detail;
  $("#verdict-detail").hidden = !detail;
}

export function refused(error) {
  const [title, text] = reasons[error.kind] ?? ["Could not be had", "The mirror could not be reached, or what it said makes no sense."];
  verdict("refused", `Refused: ${title[0].toLowerCase()}${title.slice(1)}`, text, error.message);
}

/** The only place where a file is offered: the blob has been verified. */
export function verified(target, blob, { first, warnings }) {
  const name = target.path.split("/").at(-1);
  const custom = target.custom && JSON.parse(target.custom);
  const which = typeof custom?.version === "string" ? `, version ${custom.version}` : "";
  verdict("verified", "Verified", `${name}${which}, is what ${target.role} signed for. Good until ${date(target.expires)}.`,
    target.hashes.map((h) => h.replace(":", " ")).join("\n"));
  const link = element("a", { href: URL.createObjectURL(blob), download: name, class: "button" }, `Save ${name}`);
  $("#save").append(link);
  const notes = [...warnings];
  if (first) notes.push("Nothing was remembered of this repository: had the mirror shown an older state, nobody could have told before its timestamp ran out. From now on this browser can.");
  for (const note of notes) $("#save").append(element("p", { class: "note" }, note));
}

export function remembered(versions) {
  const roles = Object.keys(versions);
  $("#memory dl").replaceChildren(...roles.map((role) =>
    element("div", {}, element("dt", {}, role), element("dd", {}, `version ${versions[role]}`))));
  if (roles.length === 0) $("#memory dl").append(element("div", {}, element("dt", {}, "nothing yet")));
  $("#forget").disabled = roles.length === 0;
}

const badges = { asking: "asking", trusted: "trusted", remembered: "remembered", absent: "no such file", refused: "refused", failed: "failed" };

/** Brings the verdict into sight, where the page is narrow. */
export function look() {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  $("#verdict").scrollIntoView({ block: "nearest", behavior: still ? "auto" : "smooth" });
}

/** Clears the page for a run, and shows how it goes. */
export function begin(path) {
  for (const link of document.querySelectorAll("#save a")) URL.revokeObjectURL(link.href);
  $("#save").replaceChildren();
  $("#download").hidden = true;
  $("#trail-others").hidden = true;
  verdict("working", "Looking", `Following the trail to ${path} …`);

  const begun = performance.now();
  const list = $("#requests ol");
  list.replaceChildren();
  const nodes = new Map(["root", "timestamp", "snapshot", "targets"].map((role) => [role, { name: role, state: "waiting" }]));
  const file = { name: path.split("/").at(-1), state: "waiting", file: true };
  let anchor;
  const draw = () => trail([...nodes.values(), file]);
  const clock = () => performance.now() - begun;

  const rows = new Set(); // those that wait for an answer
  let frame = requestAnimationFrame(function tick() {
    list.style.setProperty("--total", Math.max(clock(), 1));
    for (const row of rows) row.style.setProperty("--end", clock());
    frame = requestAnimationFrame(tick);
  });

  draw();
  return {
    state({ roles }) {
      anchor ??= roles[0].version;
      for (const { role, version, expires } of roles) Object.assign(nodes.get(role), { version, expires });
      nodes.get("root").from = anchor;
      draw();
    },
    asked({ role, path, isFile }) {
      const node = isFile ? file : nodes.get(role) ?? { name: role, state: "asking" };
      if (!isFile) nodes.set(role, node);
      node.state = "asking";
      if (role === "timestamp") nodes.get("root").state = "trusted"; // or it would not be asked for
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
          if (state === "refused" || state === "failed" || (state === "absent" && role !== "root")) node.state = "refused";
          else if (role !== "root") node.state = "trusted";
          draw();
        },
      };
    },
    /** The trail itself, when the search is over: from root to the role that lists the target, or to the one that could not be had. */
    found({ trail: steps, error }) {
      const chain = [];
      for (let i = steps.length - 1; i >= 0;) { // back to earlier steps only: roles may delegate to each other in a circle
        chain.unshift(steps[i]);
        i = steps.slice(0, i).findLastIndex((s) => s.role === chain[0].delegator);
      }
      const others = error?.kind === "no-target" ? steps : steps.filter((s) => !chain.includes(s));
      for (const role of [...nodes.keys()].slice(4)) {
        if (!chain.some((s) => s.role === role) && nodes.get(role).state !== "refused") nodes.delete(role);
      }
      for (const s of chain) {
        const state = s.error ? "refused" : "trusted";
        nodes.set(s.role, { name: s.role, ...nodes.get(s.role), version: s.version || undefined, expires: s.version ? s.expires : undefined, state });
      }
      if (error?.kind === "no-target") file.state = "refused";
      const names = others.filter((s) => !s.lists && s.role !== "targets").map((s) => s.role);
      $("#trail-others").textContent = `Also asked, and not listing it: ${names.join(", ")}.`;
      $("#trail-others").hidden = names.length === 0;
      draw();
    },
    progress(length, total) {
      if ($("#verdict-title").textContent !== "Downloading") verdict("working", "Downloading", "Checked as it comes, and believed when it is whole.");
      $("#download progress").value = length / total;
      $("#download-text").textContent = `${bytes(length)} of ${bytes(total)}`;
    },
    end() {
      cancelAnimationFrame(frame);
      for (const node of nodes.values()) if (node.state === "asking") node.state = "refused"; // no answer was wrong, but it ended there
      draw();
      list.style.setProperty("--total", Math.max(clock(), 1));
    },
  };
}

const stateWords = { waiting: "not reached", asking: "asking", trusted: "trusted", refused: "refused" };

function trail(nodes) {
  $("#trail ol").replaceChildren(...nodes.map((n) => {
    const facts = [];
    if (n.version) facts.push(element("span", { class: "version" }, n.from && n.from !== n.version ? `version ${n.from} → ${n.version}` : `version ${n.version}`));
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
