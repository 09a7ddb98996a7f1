// Keyboard, the live view's light, and the clock. Everything here is a comfort: the pages work without it.
"use strict";
(() => {
  // Those that this visitor may open, each with its key: "w/worklist o/operations ...".
  const PLACES = Object.fromEntries((document.body.dataset.places ?? "").split(" ").filter(Boolean).map((each) => [each[0], each.slice(1)]));
  const OFF = "preread-keys-off";
  let armed = 0;

  const typing = (target) => target.closest("input, select, textarea, dialog:not(#keys), [contenteditable]");
  const rows = () => [...document.querySelectorAll("[data-rows] tbody tr")];

  function step(by) {
    const all = rows();
    if (!all.length) return;
    const now = all.findIndex((row) => row.classList.contains("at"));
    const next = all[Math.min(all.length - 1, Math.max(0, now < 0 ? 0 : now + by))];
    all.forEach((row) => row.classList.toggle("at", row === next));
    next.scrollIntoView({ block: "nearest" });
    next.querySelector("a")?.focus({ preventScroll: true });
  }

  function help() {
    const dialog = document.getElementById("keys");
    if (dialog?.open) dialog.close();
    else dialog?.showModal();
  }

  function search() {
    const field = document.querySelector("[data-search]");
    if (field) field.focus();
    else if (PLACES.s) location.assign(PLACES.s);
  }

  const KEYS = {
    "/": search,
    "?": help,
    j: () => step(1),
    k: () => step(-1),
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    g: () => { armed = Date.now(); },
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || localStorage.getItem(OFF)) return;
    if (typing(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const place = Date.now() - armed < 1200 && PLACES[event.key];
    armed = 0;
    if (event.key.startsWith("Arrow") && !document.querySelector("[data-rows=arrows]")) return;
    const act = place ? () => location.assign(place) : KEYS[event.key];
    if (act) { event.preventDefault(); act(); }
  });

  document.addEventListener("change", (event) => {
    if (event.target.id !== "keys-off") return;
    if (event.target.checked) localStorage.setItem(OFF, "1");
    else localStorage.removeItem(OFF);
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-help], [data-pause]");
    if (!button) return;
    if ("help" in button.dataset) return help();
    const paused = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(paused));
    button.textContent = paused ? _("Resume") : _("Pause");
    light(paused ? "off" : "on", paused ? _("paused") : _("live"));
  });

  const isPaused = () => document.querySelector("[data-pause]")?.getAttribute("aria-pressed") === "true";

  function light(tone, word) {
    const pulse = document.querySelector(".pulse");
    if (pulse) { pulse.className = `pulse ${tone}`; pulse.textContent = word; }
  }

  // Pages name this script before htmx, whose live view connects at once: its first word must not be missed.
  document.addEventListener("htmx:sse:before:message", (event) => { if (isPaused()) event.preventDefault(); });
  document.addEventListener("htmx:sse:after:connection", () => light(isPaused() ? "off" : "on", isPaused() ? _("paused") : _("live")));
  document.addEventListener("htmx:sse:error", () => light("off", _("reconnecting")));
  document.addEventListener("htmx:sse:close", () => light("off", _("not live")));

  const off = document.getElementById("keys-off");
  if (off) off.checked = Boolean(localStorage.getItem(OFF));
})();
