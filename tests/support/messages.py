"""Messages: takes what is marked in templates, scripts and modules into the catalogues (`./run.sh messages`)."""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ROOT / "service" / "web" / "languages"
OPTIONS = {"silent": "false", "parse_template_string": "true"}
SOURCES = (
    ("web", "templates/**.html", "jinja2.ext.babel_extract", {"_": None, "ngettext": (1, 2)}),
    ("web", "static/*.js", "javascript", {"_": None, "ngettext": (1, 2)}),
    ("web", "**.py", "python", {"say": None, "say_many": (1, 2), "say_as": ((1, "c"), 2), "say_later": None}),
    ("flow", "**.py", "python", {"say": None, "say_many": (1, 2), "say_as": ((1, "c"), 2), "say_later": None}),
    ("domain", "**.py", "python", {"say": None, "say_many": (1, 2), "say_as": ((1, "c"), 2), "say_later": None}),
)


def extracted() -> Catalog:
    """Every message that is marked, with the files in which it stands."""
    found = Catalog()
    for room, pattern, method, keywords in SOURCES:
        for name, _, message, _, context in extract_from_dir(
            ROOT / "service" / room,
            [(pattern, method)],
            {pattern: OPTIONS},
            keywords=keywords,
        ):
            found.add(message, locations=[(f"service/{room}/{name}", 0)], context=context)
    return found


def catalogues() -> list[Path]:
    return sorted(LANGUAGES.glob("*/messages.po"))


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.name, ignore_obsolete=True)


def updated(path: Path, template: Catalog) -> bytes:
    """The catalogue with every message of `template` and no other; new ones are empty."""
    catalogue = read(path)
    header = catalogue.mime_headers
    catalogue.update(template, no_fuzzy_matching=True, update_header_comment=False)
    catalogue.mime_headers = header
    catalogue.obsolete.clear()
    written = BytesIO()
    write_po(written, catalogue, width=110, sort_output=True, include_lineno=False, ignore_obsolete=True)
    return written.getvalue()


def missing(path: Path) -> list[str]:
    """Messages of a catalogue without a translation, or marked as uncertain."""
    return [str(one.id) for one in read(path) if one.id and (one.fuzzy or not _told(one.string))]


def _told(text: str | tuple[str, ...]) -> bool:
    return all(text) if isinstance(text, tuple) else bool(text)


if __name__ == "__main__":
    marked = extracted()
    for each in catalogues():
        each.write_bytes(updated(each, marked))
        for message in missing(each):
            print(f"{each.relative_to(ROOT)}: not translated: {message}", file=sys.stderr)
