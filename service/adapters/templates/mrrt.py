"""IHE RAD MRRT: a report template in HTML to the domain's form.

Read: `<section data-section-name>`, input, textarea, select, datalist, groups of radio buttons and check boxes in a
`<span data-field-type>`, data-field-completion-action, Dublin Core, and the coded content. MRRT has no conditions:
neither has the form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from service.adapters.templates.coded import Wrong, coded_content
from service.adapters.templates.cut import uncut
from service.adapters.templates.markup import DraftField, DraftOption, DraftSection, Markup
from service.domain.code import Code
from service.domain.errors import Misconfigured
from service.domain.filled import plain_text, read_value
from service.domain.report import Section
from service.domain.template import Completion, Field, FieldKind, Option, Template, TemplateSection, Value

MOST_BYTES = 512 * 1024
_KINDS = {
    "TEXT": FieldKind.TEXT, "TEXTAREA": FieldKind.TEXT, "MERGE": FieldKind.TEXT, "TIME": FieldKind.TEXT,
    "NUMBER": FieldKind.NUMBER, "NUMERIC": FieldKind.NUMBER, "DATE": FieldKind.DATE,
    "SELECTION_LIST": FieldKind.CHOICE, "LIST": FieldKind.CHOICE, "RADIO": FieldKind.CHOICE,
    "CHECKBOX": FieldKind.CHOICES,
}  # fmt: skip
_CONCLUDING = frozenset({
    Code("19005-8", "LN", "Impressions"), Code("55110-1", "LN", "Conclusions"),
    Code("18783-1", "LN", "Recommendations"),
    Code("121072", "DCM", "Impressions"), Code("121076", "DCM", "Conclusions"),
})  # fmt: skip
_CONCLUDING_WORDS = re.compile(r"impression|conclusion|beurteilung|recommendation|empfehlung", re.IGNORECASE)
_LINES = {"TEXTAREA": 4}


def read_mrrt(file: str, text: str) -> Template:
    """The template in `text`, called as its file is without its ending.

    Raises Misconfigured with file, line and remedy for what is malformed, too large, or may not stand in a template.
    """
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise Misconfigured(f"{file}:1: larger than {MOST_BYTES // 1024} KiB, more than any template needs")
    if found := uncut(text):
        raise Misconfigured(f"{file}:{found[0]}: {found[1]}")
    markup = Markup(file).read(text)
    try:
        codes = coded_content(markup.xml) if markup.xml.strip() else {}
    except Wrong as error:
        raise Misconfigured(f"{file}:{markup.xml_line + error.line - 1}: {error}") from error
    title = plain_text(markup.about.get("title") or markup.title)
    if not title:
        raise Misconfigured(f"{file}:1: the template has no <title> and no dcterms.title; give it one")
    return _template(file, title, markup, codes)


def _template(file: str, title: str, markup: Markup, codes: Mapping[str, tuple[Code, ...]]) -> Template:
    about = markup.about
    try:
        return Template(
            name=file.rsplit("/", 1)[-1].rsplit(".", 1)[0],
            title=title,
            sections=tuple(_sections(file, markup, codes)),
            identifier=about.get("identifier", ""),
            language=about.get("language", "") or "en",
            description=plain_text(about.get("description", "")),
            creator=plain_text(about.get("creator", "")),
            licence=plain_text(about.get("license", "")),
            notes=tuple(markup.notes),
        )
    except ValueError as error:
        raise Misconfigured(f"{file}:1: {error}; every section and field needs an id of its own") from error


def _sections(file: str, markup: Markup, codes: Mapping[str, tuple[Code, ...]]) -> Iterator[TemplateSection]:
    part = Section.FINDINGS
    for draft in markup.sections:
        if draft.level == 1:
            part = _part(draft, codes.get(draft.name, ()))
        yield TemplateSection(
            name=draft.name,
            label=plain_text(draft.label),
            codes=codes.get(draft.name, ()),
            part=part,
            level=min(draft.level, 3),
            fields=tuple(_field(file, one, markup, codes) for one in draft.fields),
        )


def _part(draft: DraftSection, codes: tuple[Code, ...]) -> Section:
    concluding = _CONCLUDING_WORDS.search(draft.label) or _CONCLUDING & set(codes)
    return Section.CONCLUSIONS if concluding else Section.FINDINGS


def _field(file: str, draft: DraftField, markup: Markup, codes: Mapping[str, tuple[Code, ...]]) -> Field:
    try:
        if draft.kind not in _KINDS:
            raise ValueError(f"data-field-type {draft.kind[:20]!r} is none; known: {', '.join(_KINDS)}")
        return _read(draft, markup, codes)
    except ValueError as error:
        raise Misconfigured(f"{file}:{draft.line}: field {draft.name!r}: {error}") from error


def _read(draft: DraftField, markup: Markup, codes: Mapping[str, tuple[Code, ...]]) -> Field:
    kind = FieldKind.CHOICES if draft.several else _KINDS[draft.kind]
    chosen = _options(draft, markup) if kind in {FieldKind.CHOICE, FieldKind.CHOICES} else []
    about = codes.get(draft.name, ())
    made = Field(
        name=draft.name,
        label=plain_text(markup.labels.get(draft.name, "")).rstrip(": ") or draft.given.get("title") or draft.name,
        kind=kind,
        codes=tuple(code for code in about if code.scheme != "UCUM"),
        options=tuple(Option(text=one.text, code=next(iter(codes.get(one.name, ())), None)) for one in chosen),
        unit=next((code for code in about if code.scheme == "UCUM"), None),
        low=_bound(draft, "min") if kind is FieldKind.NUMBER else None,
        high=_bound(draft, "max") if kind is FieldKind.NUMBER else None,
        completion=_completion(draft),
        lines=_LINES.get(draft.kind, 1),
    )
    return _with_default(made, draft, chosen)


def _options(draft: DraftField, markup: Markup) -> list[DraftOption]:
    """Each once, without the empty one that stands for no choice."""
    given = [*draft.options, *markup.lists.get(draft.given.get("list", ""), ())]
    found = {text: one for one in given if (text := plain_text(one.text))}
    if not found:
        raise ValueError("there is nothing to choose; write at least one <option>")
    return [DraftOption(name=one.name, text=text, chosen=one.chosen) for text, one in found.items()]


def _bound(draft: DraftField, name: str) -> float | None:
    given = draft.given.get(name, "")
    try:
        return float(given) if given else None
    except ValueError:
        raise ValueError(f"{name}={given[:20]!r} is no number") from None


def _completion(draft: DraftField) -> Completion:
    given = draft.given.get("data-field-completion-action", "").lower() or "none"
    if given not in set(Completion):
        raise ValueError(f"data-field-completion-action {given[:20]!r} is none of {', '.join(Completion).upper()}")
    return Completion.PROHIBIT if "required" in draft.given else Completion(given)


def _with_default(made: Field, draft: DraftField, chosen: list[DraftOption]) -> Field:
    words = [one.text for one in chosen if one.chosen] if chosen else [draft.words or draft.given.get("value", "")]
    value: Value | None = read_value(made, words)
    if value is None:
        return made
    if wrong := made.wrong(value):
        raise ValueError(f"its default is no answer: {wrong}")
    return replace(made, default=value)
