// Language: what scripts say, in the language of the page. The messages stand above, put there by browser.py.
"use strict";
(() => {
  const messages = globalThis.prereadMessages ?? {};

  /** A number as the page's language writes it. */
  const decimal = (text) => (document.documentElement.lang === "de" ? String(text).replace(".", ",") : String(text));

  const fill = (message, values) =>
    message.replace(/\{(\w+)\}/g, (hole, name) => {
      const value = values[name];
      return value === undefined ? hole : typeof value === "number" ? decimal(value) : String(value);
    });

  /** A message with its values: `_("Image {at} of {count}", { at, count })`. */
  globalThis._ = (message, values = {}) => fill(messages[message]?.[0] ?? message, values);

  /** A message about a number of things, which stands in it as {number}. */
  globalThis.ngettext = (one, many, number, values = {}) =>
    fill(messages[one]?.[number === 1 ? 0 : 1] ?? (number === 1 ? one : many), { number, ...values });

  /** What a refusal says, in the page's language where the server has it. */
  globalThis.problem = (told, status) => told?.said ?? told?.detail ?? _("The server answers {status}.", { status });

  globalThis.decimal = decimal;
})();
