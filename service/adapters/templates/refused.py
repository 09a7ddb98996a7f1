"""What a template's markup may not hold: whatever runs, submits, embeds or fetches. Nothing of it ever reaches a page;
it is refused all the same, so that a template which relies on it is not taken for what it is not."""

from __future__ import annotations

import re
from collections.abc import Iterable

Attributes = Iterable[tuple[str, str | None]]

REFUSED_ELEMENTS = {
    "iframe": "a template shows no other page", "frame": "a template shows no other page",
    "object": "a template runs nothing", "applet": "a template runs nothing", "form": "a template sends nothing",
    "embed": "templates within templates are not read: put the sections of the other one in its place",
    "base": "a template leads nowhere", "button": "a template runs nothing", "portal": "a template shows no other page",
}  # fmt: skip
LEFT_OUT = frozenset({
    "style", "link", "img", "picture", "source", "video", "audio", "track", "svg", "math", "canvas", "map", "area",
    "noscript", "template", "a",
})  # fmt: skip
"""Elements that only look like something: left out, with a note."""
SILENT = frozenset({"style", "svg", "math", "noscript", "template"})
"""Those whose text is left out with them."""
_XML = frozenset({"text/xml", "application/xml"})
_RUNS = re.compile(r"^[\s\x00-\x20]*(javascript|vbscript|data|blob|file)\s*:", re.IGNORECASE)
_ADDRESSES = frozenset({"href", "src", "action", "formaction", "srcdoc", "xlink:href", "data", "poster", "background"})
_INPUTS = frozenset({"text", "textarea", "number", "date", "time", "radio", "checkbox"})


def refusal(tag: str, attributes: Attributes) -> str:
    """Why the element cannot be taken, with what to do; empty if it can."""
    given = {name: value or "" for name, value in attributes}
    if tag == "script" and given.get("type", "").strip().lower() not in _XML:
        return '<script> is refused: a template runs nothing; only <script type="text/xml"> may stay, for its codes'
    if tag in REFUSED_ELEMENTS:
        return f"<{tag}> is refused: {REFUSED_ELEMENTS[tag]}"
    if tag == "meta" and "http-equiv" in given and given["http-equiv"].lower() != "content-type":
        return "<meta http-equiv> is refused: a template gives a browser no orders; delete it"
    if tag == "input" and given.get("type", "text").strip().lower() not in _INPUTS:
        return f"<input type={given['type'][:20]!r}> is refused; a field is one of {', '.join(sorted(_INPUTS))}"
    return next((wrong for name, value in given.items() if (wrong := _attribute(tag, name, value))), "")


def _attribute(tag: str, name: str, value: str) -> str:
    if name.startswith("on"):
        return f"{name} at <{tag}> is refused: a template runs nothing; delete the attribute"
    if name in _ADDRESSES and _RUNS.match(value):
        return f"{name} of <{tag}> is refused: {value.strip()[:20]!r} is no address of a page; delete it"
    if name in _ADDRESSES and tag not in LEFT_OUT:
        return f"{name} at <{tag}> is refused: a template fetches nothing; delete the attribute"
    return ""
