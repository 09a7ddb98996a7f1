// Form: an answer is the AI's until somebody touches it. Without this script the form works; what equals the AI's answer then stays marked.

const form = document.getElementById("form"), touched = form.elements.touched;

form.addEventListener("input", (event) => {
  const field = event.target.closest(".field");
  if (!field) return;
  const names = new Set(touched.value.split("\n").filter(Boolean)).add(field.dataset.name);
  touched.value = [...names].join("\n");
  const who = field.querySelector(".who-wrote");
  if (field.dataset.wrote === "AI") field.dataset.wrote = "edited";
  if (field.dataset.wrote === "template") field.dataset.wrote = "human";
  if (who) who.textContent = _(field.dataset.wrote);
});

form.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  if (event.ctrlKey || event.metaKey) setTimeout(() => form.requestSubmit(form.querySelector("button[value=preview]"))); // within the event Ctrl would open a tab
  else if (!event.target.matches("textarea, button")) event.preventDefault(); // Enter in a field puts nothing anywhere
});
