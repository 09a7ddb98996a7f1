// Review: sentences, boxes and masks linked both ways; accept, edit and reject by key; saved as one revision.

const root = document.getElementById("review");
const [{ Viewer }, { Masks }] = await Promise.all([import(root.dataset.viewer), import(root.dataset.mask)]);
const viewer = new Viewer(document.getElementById("stage"), root.dataset.dicomweb, root.dataset.study);
globalThis.prereadViewer = viewer;
viewer.masks = new Masks(`${root.dataset.save}/mask`, JSON.parse(root.dataset.masks));

const said = document.getElementById("said"), place = document.getElementById("place");
const series = document.getElementById("series"), windows = document.getElementById("window");
const opened = Date.now();
const lines = () => [...document.querySelectorAll(".line")];
const active = () => document.querySelector(".line.at");
const button = (act) => document.querySelector(`[data-act=${act}]`);
const mayEdit = Boolean(button("save"));
const NEW = -1; // the number of a line that was in no text yet, as the server knows it (flow/review.py)
let changed = false, busy = false, keys = 0;

const placesOf = (line) => JSON.parse(line.dataset.places || "[]");
const marks = () => lines().flatMap((line, key) => placesOf(line).map((each) => ({ ...each, key })));

function tell(text) { said.textContent = text; }

function touch() { changed = true; tell(_("Not saved yet.")); }

// --- sentences and images ------------------------------------------------------------------------------------

async function choose(line, { focus = true } = {}) {
  lines().forEach((each) => each.classList.toggle("at", each === line));
  if (focus) line.focus({ preventScroll: true });
  line.scrollIntoView({ block: "nearest" });
  const key = lines().indexOf(line), places = placesOf(line);
  viewer.mark(marks(), key);
  const to = places.find((each) => each.box) ?? await showing(places);
  if (to) await go(to.series, to.instance, to.frame);
}

// Where a finding without a box is seen best: on the slice with most of its mask, else on its first image.
async function showing(places) {
  const masked = places.find((each) => each.mask), mask = masked?.mask;
  if (mask) await loaded(mask.sha256);
  const instance = mask && viewer.masks.widest(mask);
  return instance ? { ...masked, instance, frame: 1 } : places[0];
}

async function loaded(sha256) {
  try {
    await viewer.masks.load(sha256);
    viewer.draw();
  } catch (error) {
    tell(_("A mask is not shown: {why}", { why: error.message }));
  }
}

async function go(uid, instance, frame) {
  try {
    await viewer.open(uid, instance, frame);
    series.value = uid;
  } catch (error) {
    place.textContent = error.message;
  }
}

// What stands below the sentences grows: the one that is worked on stays in sight.
const kept = new ResizeObserver(() => active()?.scrollIntoView({ block: "nearest" }));
for (const each of document.querySelectorAll(".report, .report > .text")) kept.observe(each);

function move(by) {
  const all = lines(), at = all.indexOf(active());
  const next = all[Math.min(all.length - 1, Math.max(0, at + by))];
  if (next) choose(next);
}

viewer.addEventListener("chosen", (event) => choose(lines()[event.detail]));
viewer.addEventListener("shown", () => {
  place.textContent = _("Image {at} of {count}", { at: viewer.at + 1, count: viewer.stack.length });
  const listed = viewer.windows.map(([name]) => name).join("|");
  if (windows.dataset.listed !== listed) {
    windows.dataset.listed = listed;
    windows.replaceChildren(...viewer.windows.map(([name], at) => new Option(name, at)));
  }
});
series.addEventListener("change", () => go(series.value));
windows.addEventListener("change", () => viewer.set(viewer.windows[Number(windows.value)][1]));

// --- verdicts ------------------------------------------------------------------------------------------------

function verdict(word) {
  const line = active();
  if (!line || !mayEdit) return;
  if (line.dataset.verdict === word) delete line.dataset.verdict;
  else line.dataset.verdict = word;
  touch();
  if (line.dataset.verdict === "accepted") move(1);
}

function edit(line = active()) {
  if (!line || !mayEdit || line.querySelector("textarea")) return;
  const text = line.querySelector(".say"), field = document.createElement("textarea");
  field.value = text.textContent;
  field.setAttribute("aria-label", _("Sentence"));
  text.hidden = true;
  text.after(field);
  field.focus();
  line.scrollIntoView({ block: "nearest" });
  let over = false;
  const end = (keep) => {
    if (over) return;
    over = true;
    const now = field.value.replace(/\s+/g, " ").trim();
    if (keep && now !== text.textContent) { text.textContent = now; wrote(line); touch(); }
    field.remove();
    text.hidden = false;
    if (!text.textContent) line.remove(); else line.focus();
  };
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Escape") { event.preventDefault(); end(false); }
    if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); end(true); }
  });
  field.addEventListener("blur", () => end(true));
}

function wrote(line) {
  delete line.dataset.verdict;
  if (line.dataset.wrote === "AI") line.dataset.wrote = "edited";
  line.querySelector(".who-wrote").textContent = _(line.dataset.wrote);
}

const first = document.getElementById("first-read"); // there while the draft is held back
first?.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) setTimeout(() => first.requestSubmit()); // within the event Ctrl would open a tab
});
first?.addEventListener("submit", () => { first.elements.seconds.value = (Date.now() - opened) / 1000; });

function blank() {
  const made = document.createElement("li");
  made.className = "line";
  made.tabIndex = -1;
  Object.assign(made.dataset, { wrote: "human", places: "[]" });
  const text = document.createElement("p"), meta = document.createElement("p"), who = document.createElement("span");
  text.className = "say"; meta.className = "meta"; who.className = "who-wrote"; who.textContent = _("human");
  meta.append(who);
  made.append(text, meta);
  return made;
}

function add() {
  if (first) first.elements.impression.focus();
  if (!mayEdit) return;
  const made = blank(), line = active();
  if (line) line.after(made); else document.querySelector(".lines").append(made);
  choose(made);
  edit(made);
}

// A line that a person takes from elsewhere on the page: their own, open to be edited.
root.insert = (section, text) => {
  if (!mayEdit) return;
  const made = blank();
  document.querySelector(`.lines[data-section=${section}]`).append(made);
  made.querySelector(".say").textContent = text;
  touch();
  choose(made, { focus: false });
  edit(made);
};

// What a person made of the report, for whoever sends it; `left` says that it was sent.
root.made = () => ({
  base: root.dataset.base, seconds: (Date.now() - opened) / 1000,
  accepted: lines().filter((line) => line.dataset.verdict === "accepted").length,
  lines: lines().filter((line) => line.dataset.verdict !== "rejected")
    .map((line) => [line.closest("ol").dataset.section, line.querySelector(".say").textContent, Number(line.dataset.was ?? NEW)]),
});
/** What the person who signs has not looked at, as far as this page can tell. */
root.unseen = () => [
  !viewer.stack?.length && _("No image was shown on this page."),
  ...[lines().filter((line) => line.dataset.wrote === "AI" && !line.dataset.verdict && !("told" in line.dataset)).length].filter(Boolean)
    .map((number) => ngettext("{number} sentence of the AI was neither accepted nor changed.", "{number} sentences of the AI were neither accepted nor changed.", number)),
].filter(Boolean);
root.left = () => { changed = false; };

async function save() {
  if (!mayEdit || busy) return;
  document.activeElement?.blur();
  busy = true;
  tell(_("Saving …"));
  const made = root.made();
  const form = new URLSearchParams({ ...made, csrf: root.dataset.csrf, lines: JSON.stringify(made.lines) });
  try {
    const answer = await fetch(root.dataset.save, { method: "POST", body: form, headers: { Accept: "application/json" } });
    if (!answer.ok) {
      const told = await answer.json().catch(() => ({}));
      root.dispatchEvent(new CustomEvent("conflict", { detail: told }));
      throw new Error(problem(told, answer.status));
    }
    changed = false;
    location.reload();
  } catch (error) {
    tell(_("Not saved: {why} What you wrote stays on this page.", { why: error.message }));
  } finally {
    busy = false;
  }
}

// --- keys ----------------------------------------------------------------------------------------------------

function press(act) { const it = button(act); return (on) => it.setAttribute("aria-pressed", String(on)); }

const ACTS = {
  accept: () => verdict("accepted"),
  reject: () => verdict("rejected"),
  edit: () => edit(),
  add, save,
  invert: () => press("invert")(viewer.invert()),
  length: () => {
    viewer.tool = viewer.tool === "length" ? "window" : "length";
    viewer.stage.dataset.tool = viewer.tool;
    press("length")(viewer.tool === "length");
  },
  boxes: () => { viewer.hidden = !viewer.hidden; viewer.draw(); press("boxes")(!viewer.hidden); },
  masks: () => {
    if (!button("masks")) return;
    viewer.unmasked = !viewer.unmasked;
    viewer.draw();
    press("masks")(!viewer.unmasked);
  },
  prior: async () => press("prior")(await (await prior)?.toggle()),
  reset: () => { viewer.reset(); press("invert")(false); windows.value = "0"; },
};
const preset = (at) => () => { if (viewer.windows[at]) { windows.value = String(at); viewer.set(viewer.windows[at][1]); } };
const KEYS = {
  a: ACTS.accept, x: ACTS.reject, e: ACTS.edit, o: ACTS.add, s: ACTS.save, i: ACTS.invert, l: ACTS.length, b: ACTS.boxes,
  m: ACTS.masks, p: () => { if (prior) ACTS.prior(); }, r: ACTS.reset, n: () => document.querySelector("[data-next]")?.click(), ArrowDown: () => move(1), ArrowUp: () => move(-1),
  ",": () => viewer.step(-1), ".": () => viewer.step(1), "+": () => viewer.enlarge(1.25), "-": () => viewer.enlarge(0.8),
  ...Object.fromEntries([0, 1, 2, 3, 4, 5].map((at) => [String(at + 1), preset(at)])),
};

document.addEventListener("keydown", (event) => {
  const away = event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog, [contenteditable]");
  const place = Date.now() - keys < 1200; // "g" and a letter go to another page
  keys = event.key === "g" ? Date.now() : 0;
  if (away || place || localStorage.getItem("preread-keys-off") || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
});
document.addEventListener("click", (event) => {
  const act = event.target.closest("[data-act]")?.dataset.act, line = event.target.closest(".line");
  if (act) ACTS[act]();
  else if (line && !event.target.closest("textarea")) choose(line);
});
document.addEventListener("dblclick", (event) => { const line = event.target.closest(".line"); if (line) edit(line); });
window.addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });

// --- the earlier study ---------------------------------------------------------------------------------------

const figure = document.getElementById("prior");
const prior = figure && import(figure.dataset.script).then(({ Prior }) => new Prior(figure, viewer, Viewer));
if (prior && !localStorage.getItem("preread-prior-off")) ACTS.prior();

// --- begin ---------------------------------------------------------------------------------------------------

try {
  const found = await viewer.series();
  series.replaceChildren(...found.map((each) => new Option(`${each.text} (${each.count})`, each.uid)));
  viewer.mark(marks());
  const first = lines().find((line) => placesOf(line).length);
  if (first) await choose(first, { focus: false });
  else if (found.length) await go(found[0].uid);
  else place.textContent = _("No images of this study are here.");
  await Promise.all(viewer.masks.digests.map(loaded));
} catch (error) {
  place.textContent = error.message;
}
root.dataset.ready = "true";
