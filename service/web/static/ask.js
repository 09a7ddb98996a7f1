// Ask: questions and tasks on the report as the page shows it, by rules; questions about its images, by the model.
// Every answer stands with its source; a cited place marks its sentence and its image. Text is only ever set as text.

const root = document.getElementById("review"), panel = document.getElementById("ask");
const form = document.getElementById("ask-form"), field = document.getElementById("ask-question");
const said = document.getElementById("ask-said"), list = document.getElementById("ask-answers");
const base = `/api/studies/${root.dataset.study}`, job = panel.dataset.job;
const HEADINGS = { findings: "Findings:", conclusions: "Conclusions:" };
const mayEdit = Boolean(document.querySelector("[data-act=save]"));
let asked = 0, keys = 0, sent = { text: "", places: [] };

// --- asking --------------------------------------------------------------------------------------------------

/** The text as the page shows it, and where each of its lines begins, in code points. */
function shown() {
  let text = "";
  const places = [];
  for (const [section, heading] of Object.entries(HEADINGS)) {
    const lines = [...document.querySelectorAll(`.lines[data-section=${section}] .line`)].filter((each) => each.dataset.verdict !== "rejected");
    if (lines.length) text += `${heading}\n`;
    for (const line of lines) {
      const from = [...text].length;
      text += `${line.querySelector(".say").textContent}\n`;
      places.push({ line, from, to: [...text].length });
    }
  }
  return { text, places };
}

async function post(path, body) {
  const answer = await fetch(`${base}/${path}`, {
    method: "POST", body: JSON.stringify({ job, ...body }),
    headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": root.dataset.csrf },
  });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.detail ?? `The server answers ${answer.status}.`);
  return told;
}

async function run(task, question = "") {
  const mine = ++asked;
  sent = shown();
  said.textContent = "Reading …";
  list.replaceChildren();
  try {
    const told = await post(`tasks/${task}`, { text: sent.text, question });
    if (mine !== asked) return false;
    const rows = ROWS[task](told);
    list.replaceChildren(...rows);
    said.textContent = [summary(task, told, rows), source(told)].join(" ");
    return true;
  } catch (error) {
    if (mine === asked) said.textContent = `Not answered: ${error.message}`;
    return false;
  }
}

async function ask() {
  const question = field.value.trim();
  if (!question) { said.textContent = "Write a question first."; field.focus(); return; }
  if (!(await run("question", question))) return;
  const mine = asked, by = said.textContent;
  said.textContent = `${by} The model is looking at the images …`;
  try {
    const seen = await post("question", { question });
    if (mine !== asked) return;
    list.append(model(seen));
    said.textContent = `${by} ${seen.model} answers: ${seen.answer || "nothing"}${seen.unsupported.length ? " Not supported by its own reading." : ""}`;
  } catch (error) {
    if (mine === asked) said.textContent = `${by} ${error.message}`;
  }
}

// --- answers -------------------------------------------------------------------------------------------------

const source = (told) => `By ${told.by}, version ${told.version}; nothing is altered by itself.`;

function summary(task, told, rows) {
  if (told.note) return told.note;
  if (task === "question") return told.question.map((each) => `${each.about ? `${each.about}: ` : ""}${each.answer}.`).join(" ");
  if (!rows.length) return "Nothing was found.";
  return `${rows.length} ${rows.length === 1 ? "answer" : "answers"}.`;
}

const ROWS = {
  question: (told) => [
    ...told.question.map((each) => row(each.about, each.answer, [...each.spans.map((span) => cite(span)), ...each.also.map((span) => cite(span, "but also: "))], each.note)),
    ...told.findings.map((each) => row("AI reading", `${each.finding}${each.present ? "" : " absent"}${each.measurements.length ? `, ${each.measurements.join(", ")}` : ""}`, placesOf(each))),
  ],
  impression: (told) => told.impression.map((each) => row("", each.line, [cite(each), take("impression", each.line, each.line)])),
  sections: (told) => told.sections.map((each) => row(each.part, each.header, [cite(each)])),
  labels: (told) => told.labels.filter((each) => each.state !== "not mentioned").map((each) => row(each.label, each.state, each.spans.map((span) => cite(span)))),
  devices: (told) => told.devices.map((each) => row(each.device, each.state, [cite(each)])),
  change: (told) => told.change.map((each) => row(each.finding, each.change, [...each.now.map((span) => cite(span)), ...each.before.map((span) => quote(span, told.prior))], told.prior ? `Compared with the report of ${told.prior.day}.` : "")),
  differential: (told) => [
    ...told.differential.map((each) => row(`${each.rank}.`, `${each.diagnosis} (${each.points})`, [
      ...each.for.map((sign) => cite(sign, `for +${sign.points} ${sign.finding}: `)),
      ...each.against.map((sign) => cite(sign, `against −${sign.points} ${sign.finding}: `)),
      take("differential", each.diagnosis, `Differential: ${each.diagnosis}.`),
    ])),
    row("", "", [], `${told.table.name}, version ${told.table.version}: ${told.table.statement} Points for less points against; half for what is in doubt.`),
  ],
};

function row(about, answer, parts, note = "") {
  const made = document.createElement("li");
  if (about) made.append(words("strong", about), " ");
  if (answer) made.append(words("span", answer, "answer"));
  for (const part of parts.filter(Boolean)) made.append(" ", part);
  if (note) made.append(words("span", note, "source"));
  return made;
}

function model(seen) {
  const look = button("Image it looked at", () => globalThis.prereadViewer?.open(seen.series, seen.image, seen.frame));
  const made = row("PRELIMINARY", seen.answer || "no answer", [look, ...seen.findings.flatMap(placesOf)],
    `${seen.model} ${seen.version} ${seen.digest.slice(0, 12)}${seen.demo ? ", demo model, not for clinical use" : ""}`);
  made.className = "model";
  if (seen.unsupported.length) made.append(words("span", `Not supported: ${seen.unsupported.join("; ")}`, "unsupported"));
  return made;
}

// --- places --------------------------------------------------------------------------------------------------

/** A button that marks the sentence which holds `span`, and shows its image. */
function cite(span, before = "") {
  const at = sent.places.find((each) => each.from < span.end && span.start < each.to);
  const text = `${before}“${span.text}”`;
  return at ? button(text, () => mark([at.line])) : words("q", text);
}

const quote = (span, prior) => words("span", `then: “${span.text}”${prior ? "" : " (earlier report)"}`, "dim");

/** Buttons that lead to the sentence of an AI finding, else to its image. */
function placesOf(finding) {
  return finding.places.map((place) => button(`on image …${place.instance.slice(-8)}`, () => {
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
  return button("Take into the report", async () => {
    try {
      await post(`tasks/${task}/taken`, { line, section: "conclusions", text: sent.text });
      root.insert("conclusions", text);
      said.textContent = "Taken: edit it, Enter keeps it. It is saved with the report.";
    } catch (error) {
      said.textContent = `Not taken: ${error.message}`;
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
