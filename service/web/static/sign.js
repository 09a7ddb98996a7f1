// Sign, add, reject: each asks first, sends JSON, and where somebody else was faster shows both versions.

const root = document.getElementById("review"), said = document.getElementById("said");
const conflict = document.getElementById("conflict");
const ask = (act) => document.getElementById(`ask-${act}`);
const offered = (act) => document.querySelector(`[data-sign=${act}]`);

const BODIES = {
  signature: () => ({ ...root.made(), forms: forms().filter((form) => form.stands).map((form) => form.number) }),
  addendum: (box) => ({ text: box.querySelector("[name=text]").value, seen: Number(box.dataset.seen) }),
  rejection: (box) => ({ base: root.made().base, why: box.querySelector("[name=why]").value, reason: box.querySelector("[name=reason]").value }),
};

function open(act) {
  if (busy || !offered(act) || ask(act).open) return;
  document.activeElement?.blur();
  ask(act).returnValue = "";
  if (act === "signature") summed(ask(act));
  ask(act).showModal();
}

/** What is signed, and what stands open: the whole text, untouched sentences, issues. */
function summed(box) {
  const text = root.made().lines, sections = [...new Set(text.map(([section]) => section))];
  box.querySelector("pre").textContent = sections.map((section) =>
    [document.getElementById(`section-${section}`).textContent, ...text.filter(([of]) => of === section).map(([, line]) => line)].join("\n")).join("\n\n");
  listed(box.querySelector(".with"), forms().filter((form) => form.stands).map(({ title }) => _("With it leaves, as coded answers: {form}.", { form: title })));
  const second = document.getElementById("quality");
  const open = [
    ...root.unseen(),
    ...(second?.dataset.state === "told" ? [] : [_("The second opinion has not answered yet.")]),
    ...[...document.querySelectorAll("#quality-issues li")].map((issue) => issue.textContent),
    ...forms().filter((form) => !form.stands).map(({ title }) => _("The form {form} does not leave: the report no longer says what it says.", { form: title })),
  ];
  listed(box.querySelector(".bad"), open);
}

function listed(list, words) {
  list.replaceChildren(...words.map((each) => Object.assign(document.createElement("li"), { textContent: each })));
}

/** The filled forms of this report, and whether the text on this page says every sentence of each. The server looks again. */
function forms() {
  const there = new Set(root.made().lines.map(([section, text]) => JSON.stringify([section, text.trim()])));
  return [...document.querySelectorAll("[data-form]")].map((it) => {
    const stands = JSON.parse(it.dataset.said).every(([section, text]) => there.has(JSON.stringify([section, text])));
    const [leaves, stays] = ["[data-leaves]", "[data-stays]"].map((which) => it.querySelector(which));
    if (leaves) [leaves.hidden, stays.hidden] = [!stands, stands];
    return { number: Number(it.dataset.form), title: it.dataset.title, stands };
  });
}
if (document.querySelector("[data-leaves]")) {
  const watch = new MutationObserver(() => { if (root.made) forms(); });
  watch.observe(root, { attributes: true, attributeFilter: ["data-ready"] });
  watch.observe(root.querySelector(".text"), { subtree: true, childList: true, attributes: true, attributeFilter: ["data-verdict"] });
}

let busy = false;

// `encoding` asks nothing: it writes again what is signed already.
async function send(act) {
  if (busy) return;
  busy = true;
  const box = ask(act) ?? offered(act);
  said.textContent = _("Being kept …");
  try {
    const answer = await fetch(box.dataset.to, {
      method: "POST", body: JSON.stringify(BODIES[act]?.(box) ?? {}),
      headers: { "Content-Type": "application/json", "X-CSRF-Token": root.dataset.csrf },
    });
    if (!answer.ok) {
      const told = await answer.json().catch(() => ({}));
      show(told);
      throw new Error(problem(told, answer.status));
    }
    root.left();
    location.reload();
  } catch (error) {
    said.textContent = _("Not done: {why} What you wrote stays on this page.", { why: error.message });
    busy = false; // where it was kept, the page is on its way out
  }
}

function show(told) {
  if (!told.theirs) return;
  conflict.hidden = false;
  conflict.querySelector("p").textContent = told.theirs.by ? _("Last by {who}.", { who: told.theirs.by }) : "";
  const reviews = told.theirs.reviews.map((each) => `${_(each.verdict)}, ${each.by}`).join("\n");
  conflict.querySelector("[data-version=theirs]").textContent = [reviews, told.theirs.text].filter(Boolean).join("\n\n");
  conflict.querySelector("[data-version=yours]").textContent = told.yours;
  conflict.scrollIntoView({ block: "nearest" });
}

for (const act of Object.keys(BODIES)) ask(act).addEventListener("close", () => {
  if (ask(act).returnValue === "yes") send(act); else root.querySelector(".line.at")?.focus();
});
root.addEventListener("conflict", (event) => show(event.detail));
document.addEventListener("click", (event) => {
  const act = event.target.closest("[data-sign]")?.dataset.sign;
  if (act === "reload") { root.left(); location.reload(); } else if (act === "encoding") send(act); else if (act) open(act);
});
const KEYS = { S: "signature", A: "addendum", X: "rejection" };
document.addEventListener("keydown", (event) => {
  const away = event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog, [contenteditable]");
  if (away || localStorage.getItem("preread-keys-off") || !KEYS[event.key]) return;
  event.preventDefault();
  open(KEYS[event.key]);
});
