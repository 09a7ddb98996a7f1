// Form: an answer is the AI's until somebody touches it. Without this script the form works; what equals the AI's answer then stays marked.

const form = document.getElementById("form"), touched = form.elements?.touched; // who may not fill it has no form, and looks at its answers
let changed = document.querySelector(".told") !== null; // what was previewed is kept nowhere yet
form.addEventListener("submit", () => { changed = false; });
window.addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });

form.addEventListener("input", (event) => {
  const field = event.target.closest(".field");
  if (!field || !touched) return;
  const names = new Set(touched.value.split("\n").filter(Boolean)).add(field.dataset.name);
  touched.value = [...names].join("\n");
  changed = true;
  const who = field.querySelector(".who-wrote");
  if (field.dataset.wrote === "AI") field.dataset.wrote = "edited";
  if (field.dataset.wrote === "template") field.dataset.wrote = "human";
  if (who) who.textContent = _(field.dataset.wrote);
});

form.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !touched) return;
  if (event.ctrlKey || event.metaKey) setTimeout(() => form.requestSubmit(form.querySelector("button[value=preview]"))); // within the event Ctrl would open a tab
  else if (!event.target.matches("textarea, button")) event.preventDefault(); // Enter in a field puts nothing anywhere
});

// --- images: the one that the answer at hand was seen on, with its boxes ---------------------------------------

const figures = [...document.querySelectorAll(".pictures figure")];
let shown;

function show(name) {
  const on = figures.find((each) => JSON.parse(each.dataset.fields).includes(name));
  if (!on && shown) return;
  shown = on ?? figures[0];
  for (const each of figures) each.hidden = each !== shown;
}

function boxed(figure) {
  const image = figure.querySelector("img"), make = (what) => document.createElementNS("http://www.w3.org/2000/svg", what);
  const drawing = make("svg");
  drawing.setAttribute("viewBox", `0 0 ${image.naturalWidth} ${image.naturalHeight}`);
  drawing.setAttribute("aria-hidden", "true");
  for (const [left, top, right, bottom] of JSON.parse(figure.dataset.boxes)) {
    const box = make("rect");
    for (const [name, value] of Object.entries({ x: left, y: top, width: right - left, height: bottom - top })) box.setAttribute(name, value);
    drawing.append(box);
  }
  image.after(drawing);
}

for (const figure of figures) {
  const image = figure.querySelector("img");
  if (image.complete && image.naturalWidth) boxed(figure); else image.addEventListener("load", () => boxed(figure), { once: true });
}
show("");
form.addEventListener("focusin", (event) => show(event.target.closest(".field")?.dataset.name ?? ""));
