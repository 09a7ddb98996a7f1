"""Accessibility: the checks of axe that need no axe, as one function that runs in the page; and axe, where it is named.

`PREREAD_AXE` names a file axe.min.js (axe-core is MPL-2.0 and does not come with preread); then it checks, too.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from tests.support.browser import Browser

FAULTS = r"""
const faults = [];
const say = (what, element) => faults.push(what + ': ' + (element?.outerHTML ?? '').slice(0, 120));
const all = (selector) => [...document.querySelectorAll(selector)];
const shown = (e) => e.checkVisibility() && !e.closest('[aria-hidden=true]');
const name = (e) => (e.getAttribute('aria-label') || e.getAttribute('title') || e.textContent || e.alt || '').trim();

if (!document.documentElement.lang) say('no language');
if (all('main').length !== 1) say('one main landmark, found ' + all('main').length);
if (all('h1').filter(shown).length !== 1) say('one h1, found ' + all('h1').length);
let level = 0;
for (const heading of all('h1, h2, h3, h4').filter(shown)) {
  const now = Number(heading.tagName[1]);
  if (now > level + 1) say('a heading level is skipped', heading);
  level = now;
}
const ids = all('[id]').map((e) => e.id);
for (const id of new Set(ids)) if (ids.filter((one) => one === id).length > 1) say('id twice: ' + id);
for (const attribute of ['aria-labelledby', 'aria-describedby', 'aria-controls'])
  for (const e of all('[' + attribute + ']'))
    for (const id of e.getAttribute(attribute).split(/\s+/))
      if (!document.getElementById(id)) say(attribute + ' leads nowhere', e);
for (const e of all('input:not([type=hidden]), select, textarea').filter(shown))
  if (!e.labels?.length && !e.getAttribute('aria-label')) say('field without a label', e);
for (const e of all('button, a[href]').filter(shown)) {
  if (!name(e)) say('no name', e);
  if (e.querySelector('button, a, input, select')) say('nested controls', e);
}
for (const e of all('img')) if (!e.hasAttribute('alt')) say('picture without alt', e);
for (const e of all('svg').filter((e) => e.checkVisibility()))
  if (!e.closest('[aria-hidden=true], [role=img]')) say('drawing that is read aloud', e);
for (const e of all('table')) if (!e.closest('dialog') && !e.querySelector('th')) say('table without headings', e);
for (const e of all('th').filter(shown)) if (!name(e)) say('heading cell without text', e);
for (const e of all('nav')) if (!name(e)) say('navigation without a name', e);
for (const list of all('ul, ol'))
  for (const child of list.children) if (child.tagName !== 'LI') say('list with something else', list);
for (const list of all('dl')) for (const child of list.children)
  if (!['DT', 'DD', 'DIV'].includes(child.tagName)) say('definition list with something else', list);

const light = (colour) => colour.map((v) => v / 255)
  .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const rgba = (text) => { const v = text.match(/[\d.]+/g).map(Number); return [v[0], v[1], v[2], v[3] ?? 1]; };
function ground(e) {
  const layers = [];
  for (let at = e; at; at = at.parentElement) layers.unshift(rgba(getComputedStyle(at).backgroundColor));
  return layers.reduce((below, [r, g, b, a]) => [r, g, b].map((v, i) => v * a + below[i] * (1 - a)), [255, 255, 255]);
}
const seen = new Set();
for (const e of all('body *').filter(shown)) {
  const own = [...e.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!own || e.closest('.sr, .skip, dialog:not([open])') || e.disabled) continue;
  const style = getComputedStyle(e);
  const [one, two] = [light(rgba(style.color).slice(0, 3)), light(ground(e))].sort((a, b) => b - a);
  const ratio = (one + 0.05) / (two + 0.05);
  const wanted = parseFloat(style.fontSize) >= 24 ? 3 : 4.5;
  const kind = e.className + e.tagName;
  if (ratio < wanted && !seen.has(kind)) { seen.add(kind); say('contrast ' + ratio.toFixed(2), e); }
}
return faults;
"""
"""Returns a list of sentences, one per fault."""

AXE = """
return axe.run(document, {resultTypes: ['violations']}).then(({violations}) => violations.flatMap(
  (each) => each.nodes.map((node) => `axe ${each.id}: ${node.html.slice(0, 160)}`)));
"""


def faults(page: Browser) -> list[str]:
    """What is wrong with the page as it stands, a sentence each."""
    found: list[str] = page.run(FAULTS)
    if source := _axe():
        found += page.run(f"{source}\n;{AXE}")
    return found


@cache
def _axe() -> str:
    path = os.environ.get("PREREAD_AXE")
    return Path(path).read_text() if path else ""
