// Sign, add, reject: each asks first, sends JSON, and where somebody else was faster shows both versions.

const root = document.getElementById("review"), said = document.getElementById("said");
const conflict = document.getElementById("conflict");
const ask = (act) => document.getElementById(`ask-${act}`);
const offered = (act) => document.querySelector(`[data-sign=${act}]`);

const BODIES = {
  signature: () => root.made(),
  addendum: (box) => ({ text: box.querySelector("[name=text]").value, seen: Number(box.dataset.seen) }),
  rejection: (box) => ({ base: root.made().base, why: box.querySelector("[name=why]").value, reason: box.querySelector("[name=reason]").value }),
};

function open(act) {
  if (!offered(act) || ask(act).open) return;
  document.activeElement?.blur();
  ask(act).returnValue = "";
  ask(act).showModal();
}

// `encoding` asks nothing: it writes again what is signed already.
async function send(act) {
  const box = ask(act) ?? offered(act);
  said.textContent = "Being kept …";
  try {
    const answer = await fetch(box.dataset.to, {
      method: "POST", body: JSON.stringify(BODIES[act]?.(box) ?? {}),
      headers: { "Content-Type": "application/json", "X-CSRF-Token": root.dataset.csrf },
    });
    if (!answer.ok) {
      const problem = await answer.json().catch(() => ({}));
      show(problem);
      throw new Error(problem.detail ?? `The server answers ${answer.status}.`);
    }
    root.left();
    location.reload();
  } catch (error) {
    said.textContent = `Not done: ${error.message} What you wrote stays on this page.`;
  }
}

function show(problem) {
  if (!problem.theirs) return;
  conflict.hidden = false;
  conflict.querySelector("p").textContent = problem.theirs.by ? `Last by ${problem.theirs.by}.` : "";
  const reviews = problem.theirs.reviews.map((each) => `${each.verdict}, ${each.by}`).join("\n");
  conflict.querySelector("[data-version=theirs]").textContent = [reviews, problem.theirs.text].filter(Boolean).join("\n\n");
  conflict.querySelector("[data-version=yours]").textContent = problem.yours;
  conflict.scrollIntoView({ block: "nearest" });
}

for (const act of Object.keys(BODIES)) ask(act).addEventListener("close", () => { if (ask(act).returnValue === "yes") send(act); });
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
