// Second opinion: the lines on the page are questioned by rules; each issue is linked to its line, dismissed by one key.

const root = document.getElementById("review"), panel = document.getElementById("quality");
const showing = import(root.dataset.shown);
const list = document.getElementById("quality-issues"), said = document.getElementById("quality-said");
const possible = document.getElementById("quality-possible"), hints = document.getElementById("quality-hints");
const dismissing = document.getElementById("quality-dismiss"), undoing = document.getElementById("quality-undo");
const RULES_ALONE = "No model here checks reports: rules alone.";
const gone = []; // what was dismissed on this page, the last one last
let asked = 0, keys = 0;

async function check() {
  const mine = ++asked;
  panel.dataset.state = "asked";
  said.textContent = _("Reading …");
  try {
    const { text, places } = (await showing).shown();
    const answer = await fetch(`/api/studies/${root.dataset.study}/quality?job=${panel.dataset.job}`, {
      method: "POST", body: JSON.stringify({ text }),
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": root.dataset.csrf },
    });
    const told = await answer.json();
    if (!answer.ok) throw new Error(problem(told, answer.status));
    if (mine !== asked) return;
    show(told, places);
    panel.dataset.state = "told";
  } catch (error) {
    said.textContent = _("Not checked: {why}", { why: error.message });
  }
}

function show(told, places) {
  const letters = [...told.text], open = told.issues.filter((each) => !each.dismissed);
  const alarms = open.filter((each) => each.likely), weak = open.filter((each) => !each.likely);
  list.replaceChildren(...alarms.map((issue) => item(issue, letters, places, told.dismissals)));
  hints.replaceChildren(...weak.map((issue) => item(issue, letters, places, told.dismissals)));
  possible.hidden = !weak.length;
  possible.querySelector("summary").textContent = _("Possible: {count}", { count: weak.length });
  const away = told.issues.length - open.length;
  said.textContent = [
    away ? _("{count} to look at, {gone} dismissed.", { count: alarms.length, gone: away }) : _("{count} to look at.", { count: alarms.length }),
    _("By {by}, version {version}; nothing is altered by itself.", { by: _(told.by), version: String(told.version) }),
    told.stages === RULES_ALONE ? _("No model here checks reports: rules alone.") : told.stages,
  ].join(" ");
  select(list.firstElementChild, { follow: false });
}

function item(issue, letters, places, dismissals) {
  const made = document.createElement("li"), severity = document.createElement("span"), words = document.createElement("mark");
  const at = places.find((each) => each.from <= issue.start && issue.start < each.to);
  Object.assign(made.dataset, { severity: issue.severity, kind: issue.kind, rule: issue.rule });
  made.dataset.words = letters.slice(issue.start, issue.end).join("");
  severity.className = "severity";
  severity.textContent = _(issue.severity);
  words.textContent = made.dataset.words;
  const count = dismissals[issue.kind] ? ` (${ngettext("this kind was dismissed {number} time", "this kind was dismissed {number} times", dismissals[issue.kind])})` : "";
  made.append(severity, ` ${_(issue.kind)}: `, words, ` ${issue.said || issue.message}${count}${issue.by === "rules" ? "" : ` (${issue.by})`}`);
  made.addEventListener("click", () => { select(made); at?.line.click(); });
  return made;
}

function select(one, { follow = true } = {}) {
  for (const each of [...list.children, ...hints.children]) each.classList.toggle("at", each === one);
  if (follow) one?.scrollIntoView({ block: "nearest" });
}

async function send(one, path) {
  const form = new URLSearchParams({ csrf: root.dataset.csrf, kind: one.dataset.kind, rule: one.dataset.rule, words: one.dataset.words });
  const answer = await fetch(`/studies/${root.dataset.study}/review/${panel.dataset.job}/${path}`, { method: "POST", body: form, headers: { Accept: "application/json" } });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(problem(told, answer.status));
  return told.dismissals[one.dataset.kind] ?? 0;
}

async function dismiss() {
  const one = document.querySelector("#quality-issues .at, #quality-hints .at");
  if (!one || !dismissing) return;
  try {
    const count = await send(one, "dismiss");
    const next = one.nextElementSibling ?? one.previousElementSibling;
    one.remove();
    gone.push(one);
    undoing.hidden = false;
    select(next);
    said.textContent = _("Dismissed. Of the kind {kind}: {count} so far.", { kind: _(one.dataset.kind), count });
  } catch (error) {
    said.textContent = _("Not dismissed: {why}", { why: error.message });
  }
}

/** Takes the last dismissal on this page back; the list is asked for anew, as the text may have changed. */
async function undo() {
  const one = gone.pop();
  if (!one) return;
  undoing.hidden = !gone.length;
  try {
    const count = await send(one, "dismiss/undo");
    await check();
    const back = [...list.children, ...hints.children].find((each) => each.dataset.rule === one.dataset.rule && each.dataset.words === one.dataset.words);
    if (back) select(back);
    said.textContent = _("Brought back. Of the kind {kind}: {count} dismissed.", { kind: _(one.dataset.kind), count });
  } catch (error) {
    said.textContent = _("Not brought back: {why}", { why: error.message });
  }
}

document.getElementById("quality-check").addEventListener("click", check);
dismissing?.addEventListener("click", dismiss);
undoing?.addEventListener("click", undo);
document.addEventListener("keydown", (event) => {
  const away = event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog, [contenteditable]");
  const place = Date.now() - keys < 1200; // "g" and a letter go to another page
  keys = event.key === "g" ? Date.now() : 0;
  if (away || place || localStorage.getItem("preread-keys-off")) return;
  if (event.key === "q") { event.preventDefault(); check(); }
  if (event.key === "d") { event.preventDefault(); dismiss(); }
  if (event.key === "u") { event.preventDefault(); undo(); }
});
check();
