// Ask: questions and tasks on the report as the page shows it, by rules; questions about its images, by the model.
// Every answer stands with its source; a cited place marks its sentence and its image. Text is only ever set as text.

const root = document.getElementById("review"), panel = document.getElementById("ask");
const showing = import(root.dataset.shown);
const form = document.getElementById("ask-form"), field = document.getElementById("ask-question");
const said = document.getElementById("ask-said"), list = document.getElementById("ask-answers");
const base = `/api/studies/${root.dataset.study}`, job = panel.dataset.job;
const mayEdit = Boolean(document.querySelector("[data-act=save]"));
const VERDICTS = {
  yes: _("yes"), no: _("no"), possible: _("possible"), stated: _("stated"), "not stated": _("not stated"), left: _("left"),
  right: _("right"), both: _("both sides"), new: _("new"), worse: _("worse"), improved: _("improved"), stable: _("stable"),
  resolved: _("resolved"), present: _("present"), absent: _("absent"), uncertain: _("uncertain"), removed: _("removed"),
  malpositioned: _("malpositioned"),
};
let asked = 0, keys = 0, sent = { text: "", places: [] };

// --- asking --------------------------------------------------------------------------------------------------

async function post(path, body) {
  const answer = await fetch(`${base}/${path}`, {
    method: "POST", body: JSON.stringify({ job, ...body }),
    headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": root.dataset.csrf },
  });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(problem(told, answer.status));
  return told;
}

async function run(task, question = "") {
  const mine = ++asked;
  said.textContent = _("Reading …");
  list.replaceChildren();
  try {
    sent = (await showing).shown();
    const told = await post(`tasks/${task}`, { text: sent.text, question });
    if (mine !== asked) return false;
    const rows = ROWS[task](told);
    list.replaceChildren(...rows);
    said.textContent = [summary(task, told, rows), source(told)].join(" ");
    return true;
  } catch (error) {
    if (mine === asked) said.textContent = _("Not answered: {why}", { why: error.message });
    return false;
  }
}

async function ask() {
  const question = field.value.trim();
  if (!question) { said.textContent = _("Write a question first."); field.focus(); return; }
  if (!(await run("question", question)) || !("model" in panel.dataset)) return;
  const mine = asked, by = said.textContent;
  said.textContent = `${by} ${_("The model is looking at the images …")}`;
  try {
    const seen = await post("question", { question });
    if (mine !== asked) return;
    list.append(model(seen));
    const carried = seen.unsupported.length ? _("Not supported by its own reading.") : "";
    said.textContent = [by, _("{model} answers: {answer}", { model: seen.model, answer: seen.answer || _("nothing") }), carried].join(" ");
  } catch (error) {
    if (mine === asked) said.textContent = `${by} ${error.message}`;
  }
}

// --- answers -------------------------------------------------------------------------------------------------

/** A verdict in the page's language; a size stays in the report's words. */
const verdict = (text) => VERDICTS[text] ?? text;

const source = (told) => _("By rules, version {version}; nothing is altered by itself.", { version: told.version });

function summary(task, told, rows) {
  if (told.note) return told.note;
  if (task === "question") return told.question.map((each) => `${each.about ? `${each.about}: ` : ""}${verdict(each.answer)}.`).join(" ");
  if (!rows.length) return _("Nothing was found.");
  return ngettext("{number} answer.", "{number} answers.", rows.length);
}

const ROWS = {
  question: (told) => [
    ...told.question.map((each) => row(each.about, verdict(each.answer), [...each.spans.map((span) => cite(span)), ...each.also.map((span) => cite(span, _("but also: ")))], each.note)),
    ...told.findings.map((each) => row(_("AI reading"), `${each.finding}${each.present ? "" : ` ${_("absent")}`}${each.measurements.length ? `, ${each.measurements.join(", ")}` : ""}`, placesOf(each))),
  ],
  impression: (told) => told.impression.map((each) => row("", each.line, [cite(each), take("impression", each.line, each.line)])),
  sections: (told) => told.sections.map((each) => row(each.part, each.header, [cite(each)])),
  labels: (told) => told.labels.filter((each) => each.state !== "not mentioned").map((each) => row(each.label, verdict(each.state), each.spans.map((span) => cite(span)))),
  devices: (told) => told.devices.map((each) => row(each.device, verdict(each.state), [cite(each)])),
  change: (told) => told.change.map((each) => row(each.finding, verdict(each.change), [...each.now.map((span) => cite(span)), ...each.before.map((span) => quote(span))], compared(told.prior))),
  differential: (told) => [
    ...told.differential.map((each) => row(`${each.rank}.`, `${each.diagnosis} (${decimal(each.points)})`, [
      ...each.for.map((sign) => cite(sign, `${_("for")} +${decimal(sign.points)} ${sign.finding}: `)),
      ...each.against.map((sign) => cite(sign, `${_("against")} −${decimal(sign.points)} ${sign.finding}: `)),
      take("differential", each.diagnosis, `Differential: ${each.diagnosis}.`),
    ])),
    row("", "", [], `${told.table.name} ${told.table.version}: ${told.table.statement} ${_("Points for less points against; half for what is in doubt.")}`),
  ],
};

function compared(prior) {
  if (!prior) return "";
  const day = prior.day.replace(/^(\d{4})(\d\d)(\d\d)$/, "$1-$2-$3");
  return prior.signed ? _("Compared with the signed report of {day}.", { day }) : _("Compared with the draft of {day}, which is not signed.", { day });
}

function row(about, answer, parts, note = "") {
  const made = document.createElement("li");
  if (about) made.append(words("strong", about), " ");
  if (answer) made.append(words("span", answer, "answer"));
  for (const part of parts.filter(Boolean)) made.append(" ", part);
  if (note) made.append(words("span", note, "source"));
  return made;
}

function model(seen) {
  const look = button(_("Image it looked at"), () => globalThis.prereadViewer?.open(seen.series, seen.image, seen.frame));
  const made = row("PRELIMINARY", seen.answer || _("nothing"), [look, ...seen.findings.flatMap(placesOf)],
    `${seen.model} ${seen.version} ${seen.digest.slice(0, 12)}${seen.demo ? `, ${_("demo model, trained on phantoms, not for clinical use")}` : ""}`);
  made.className = "model";
  if (seen.unsupported.length) made.append(words("span", _("Not supported: {why}", { why: seen.unsupported.join("; ") }), "unsupported"));
  return made;
}

// --- places --------------------------------------------------------------------------------------------------

/** A button that marks the sentence which holds `span`, and shows its image. */
function cite(span, before = "") {
  const at = sent.places.find((each) => each.from < span.end && span.start < each.to);
  const text = `${before}“${span.text}”`;
  return at ? button(text, () => mark([at.line])) : words("q", text);
}

const quote = (span) => words("span", `${_("then: ")}“${span.text}”`, "dim");

/** Buttons that lead to the sentence of an AI finding, else to its image. */
function placesOf(finding) {
  return finding.places.map((place) => button(_("on image …{end}", { end: place.instance.slice(-8) }), () => {
    const line = [...document.querySelectorAll(".line")].find((each) => JSON.parse(each.dataset.places || "[]").some((other) => other.instance === place.instance && other.label === place.label));
    if (line) mark([line]);
    else globalThis.prereadViewer?.open(place.series, place.instance, place.frame);
  }));
}

function mark(lines) {
  for (const each of document.querySelectorAll(".line.cited")) each.classList.remove("cited");
  for (const each of lines) if (each.isConnected) each.classList.add("cited");
  lines[0]?.click();
}

/** A button that has a line taken into the report, as the person's own sentence, to be edited before it is kept. */
function take(task, line, text) {
  if (!mayEdit || !root.insert) return null;
  return button(_("Take into the report"), async () => {
    try {
      await post(`tasks/${task}/taken`, { line, section: "conclusions", text: sent.text });
      root.insert("conclusions", text);
      said.textContent = _("Taken: edit it, Enter keeps it. It is saved with the report.");
    } catch (error) {
      said.textContent = _("Not taken: {why}", { why: error.message });
    }
  });
}

function button(text, act) {
  const made = words("button", text, "quiet small cite");
  made.type = "button";
  made.addEventListener("click", (event) => { event.stopPropagation(); act(); });
  return made;
}

function words(kind, text, name = "") {
  const made = document.createElement(kind);
  made.textContent = text;
  if (name) made.className = name;
  return made;
}

// --- keys ----------------------------------------------------------------------------------------------------

form.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
panel.addEventListener("click", (event) => { const task = event.target.closest("[data-task]")?.dataset.task; if (task) run(task); });
field.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.stopPropagation(); field.blur(); } });
document.addEventListener("keydown", (event) => {
  const away = event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog, [contenteditable]");
  const place = Date.now() - keys < 1200; // "g" and a letter go to another page
  keys = event.key === "g" ? Date.now() : 0;
  if (away || place || localStorage.getItem("preread-keys-off") || event.key !== "w") return;
  event.preventDefault();
  panel.open = true;
  field.focus();
});
