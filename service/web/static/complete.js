// Ghost text: what the model would write next, after a pause in typing. Tab takes all, Ctrl+Right a word, Esc none.
// Nothing before the cursor is touched, and nothing can be taken before it was checked.

const PAUSE_MS = 350;
const root = document.getElementById("review");
const url = `/api/studies/${root.dataset.study}/completion`, job = root.dataset.save.split("/").pop();
const headers = { Accept: "application/json", "Content-Type": "application/json", "X-CSRF-Token": root.dataset.csrf };
const status = document.createElement("p");
status.id = "ghost-said";
status.setAttribute("role", "status");
document.getElementById("said").after(status);

let offer = null; // { field, text, taken, done, id, unsupported, shade, asking }
let pause = 0, taking = false, off = false;

const editor = (target) => (target instanceof HTMLTextAreaElement && target.closest(".line") ? target : null);
const tell = (text) => { if (status.textContent !== text) status.textContent = text; };
const left = () => offer.text.slice(offer.taken.length);

// --- asking --------------------------------------------------------------------------------------------------

export function before(field) {
  const here = field.closest(".line"), parts = [];
  for (const list of document.querySelectorAll("ol.lines")) {
    const section = list.dataset.section;
    parts.push(`${section[0].toUpperCase()}${section.slice(1)}:`);
    for (const line of list.children) {
      if (line === here) return [...parts, field.value.slice(0, field.selectionStart)].join("\n");
      if (line.dataset.verdict !== "rejected") parts.push(line.querySelector(".say").textContent);
    }
  }
  return "";
}

function atTheEnd(field) {
  return field.selectionStart === field.value.length && !/[.!?]\s*$/.test(field.value);
}

function soon(field) {
  clearTimeout(pause);
  if (!off) pause = setTimeout(() => { if (field.isConnected && atTheEnd(field)) ask(field); }, PAUSE_MS);
}

async function ask(field) {
  drop();
  const asking = new AbortController(), mine = { field, text: "", taken: "", done: false, id: "", unsupported: [], asking };
  offer = mine;
  const places = JSON.parse(field.closest(".line").dataset.places || "[]");
  const body = JSON.stringify({ prefix: before(field), job, image: places[0]?.instance ?? "" });
  try {
    const answer = await fetch(url, { method: "POST", headers, body, signal: asking.signal });
    if (!answer.ok) return refused(mine, answer.status, await answer.json().catch(() => ({})));
    for await (const event of events(answer.body)) {
      if (offer !== mine) return;
      hear(mine, event);
    }
  } catch (error) {
    if (offer === mine) { offer = null; tell(asking.signal.aborted ? "" : _("The connection was lost; type on.")); }
  }
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    yield* lines.filter(Boolean).map((line) => JSON.parse(line));
  }
}

function hear(mine, event) {
  if (event.failed) { drop(); tell(event.said ?? event.failed); return; }
  if (!event.done) { mine.text += event.text; drawSoon(mine); return; }
  if (!event.text) { drop(); return; }
  Object.assign(mine, { text: event.text, done: true, id: event.id, unsupported: event.unsupported });
  draw();
  tell(mine.unsupported.length
    ? _("Not supported: {what}. Suggested: {text}", { what: mine.unsupported.join("; "), text: mine.text.trim() })
    : _("Suggested: {text} Tab takes it, Ctrl and right arrow a word, Escape none.", { text: mine.text.trim() }));
}

function refused(mine, code, told) {
  if (offer !== mine) return;
  offer = null;
  off = [401, 403, 404, 409].includes(code); // what cannot be completed now, cannot be in a moment
  tell(problem(told, code));
}

// --- showing -------------------------------------------------------------------------------------------------

// Once for each frame, however fast words come: each drawing lays the page out anew.
function drawSoon(mine) {
  mine.frame ??= requestAnimationFrame(() => {
    mine.frame = undefined;
    if (offer === mine) draw();
  });
}

function draw() {
  const { field } = offer;
  offer.shade ??= shade(field);
  const [typed, ghost] = offer.shade.children;
  typed.textContent = field.value;
  ghost.textContent = left();
  ghost.className = offer.done ? "ghost" : "ghost writing";
  ghost.classList.toggle("unsupported", offer.unsupported.length > 0);
  const why = offer.unsupported.join("; ");
  field.title = why ? _("Not supported: {what}", { what: why }) : "";
  const { offsetTop: top, offsetLeft: from, offsetWidth: width } = field;
  Object.assign(offer.shade.style, { top: `${top}px`, left: `${from}px`, width: `${width}px` });
  field.style.minHeight = `${offer.shade.scrollHeight}px`;
}

function shade(field) {
  const made = document.createElement("div");
  made.className = "shade";
  made.setAttribute("aria-hidden", "true");
  made.append(document.createElement("span"), document.createElement("span"));
  field.before(made);
  return made;
}

function drop({ refuse = false } = {}) {
  clearTimeout(pause);
  if (!offer) return;
  const gone = offer;
  offer = null;
  gone.asking.abort();
  gone.shade?.remove();
  gone.field.title = "";
  if (gone.id && (gone.taken || refuse)) answer(gone);
  tell("");
}

async function answer(gone) {
  const body = JSON.stringify({ taken: gone.taken });
  await fetch(`${url}/${gone.id}`, { method: "POST", headers, body, keepalive: true }).catch(() => {});
}

// --- taking --------------------------------------------------------------------------------------------------

export const firstWord = (text) => text.match(/^\s*\S+/)?.[0] ?? text;

function take(words) {
  const { field } = offer;
  offer.taken += words;
  taking = true;
  const end = field.value.length;
  if (!document.execCommand("insertText", false, words)) field.setRangeText(words, end, end, "end"); // else: undo works
  taking = false;
  if (left()) draw(); else drop();
}

const KEYS = {
  Tab: () => take(left()),
  ArrowRight: () => take(firstWord(left())),
  Escape: () => drop({ refuse: true }),
};

function keyOf(event) {
  if (event.altKey || event.shiftKey || event.isComposing) return "";
  const plain = !event.ctrlKey && !event.metaKey;
  return (event.key === "ArrowRight" ? event.ctrlKey : plain) && KEYS[event.key] ? event.key : "";
}

document.addEventListener("keydown", (event) => {
  const field = editor(event.target), key = field && offer?.text ? keyOf(event) : "";
  if (!key || offer.field !== field) return;
  event.preventDefault();
  event.stopPropagation();
  if (offer.done || key === "Escape") KEYS[key]();
  else tell(_("This is still being checked."));
}, true);

document.addEventListener("input", (event) => {
  const field = editor(event.target);
  if (!field || taking) return;
  drop();
  if (!event.isComposing) soon(field);
});
document.addEventListener("focusin", (event) => { if (editor(event.target)) soon(event.target); });
document.addEventListener("focusout", (event) => { if (editor(event.target)) drop(); });
document.addEventListener("selectionchange", () => {
  if (offer && !taking && offer.field.selectionStart !== offer.field.value.length) drop();
});
