"""Phrase: how a site says an answer. Slots are filled, nothing is evaluated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from service.domain.code import LEFT, RIGHT, Code
from service.domain.filled import Filled
from service.domain.report import Section
from service.domain.template import Field, Template, TemplateSection, Value

SLOTS = ("value", "label", "side", "unit")
_SLOT = re.compile(r"\{(\w+)\}")
_UNITS = {"[hnsf'U]": "HU", "Cel": "°C"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Phrase:
    """What is said of one field (or section), in one language; empty where nothing of its own is."""

    template: str = ""
    """Name of the only template that it is for."""
    name: str = ""
    """Field or section; empty for every field with `code`."""
    code: Code | None = None
    normal: str = ""
    """Said where a person said that everything else is normal."""
    text: str = ""
    """Said with an answer in `{value}`."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Said for an option, by its words or by its code's value."""
    both: Mapping[str, str] = field(default_factory=dict)
    """Said once for both sides where they have the same option, by its words or by its code's value."""
    both_normal: str = ""
    """Said once where a person said that everything else is normal, and both sides are empty."""

    def fits(self, template: Template, name: str, codes: Sequence[Code]) -> bool:
        if self.template not in {"", template.name}:
            return False
        return self.name == name if self.name else self.code is not None and self.code in codes[:1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Phrases:
    """The house style of one language; the site's own come first."""

    language: str = "en"
    phrases: tuple[Phrase, ...] = ()
    sides: tuple[str, str] = ("right", "left")
    joined: str = " and "

    def of(self, template: Template, name: str, codes: Sequence[Code]) -> tuple[Phrase, ...]:
        """Those that fit, the most particular first."""
        fitting = [phrase for phrase in self.phrases if phrase.fits(template, name, codes)]
        return tuple(sorted(fitting, key=lambda phrase: (not phrase.name, not phrase.template)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One sentence of a narrative, and the fields that it says."""

    section: Section
    text: str
    fields: tuple[str, ...] = ()


def narrative(filled: Filled, phrases: Phrases) -> tuple[Told, ...]:
    """What the form says, in house style. Of an empty field nothing is said, unless a person said that it is normal."""
    return tuple(told for section in filled.template.sections for told in _section(filled, section, phrases))


def _section(filled: Filled, section: TemplateSection, phrases: Phrases) -> Iterator[Told]:
    said_normal = section.name in filled.normal
    empty = [one.name for one in section.fields if one.name not in filled.values]
    whole = _normal(phrases, filled.template, section.name, section.codes) if said_normal else ""
    if whole and section.fields and len(empty) == len(section.fields):
        yield Told(section=section.part, text=_sentence(whole), fields=tuple(empty))
        return
    done: set[str] = set()
    for one in section.fields:
        if one.name in done:
            continue
        other = _other_side(one, section)
        both = _both(filled, one, other, phrases, said_normal=said_normal) if other else ""
        fields = (one.name, other.name) if both and other else (one.name,)
        done.update(fields)
        for text in (both or _field(filled, one, phrases, said_normal=said_normal)).splitlines():
            yield Told(section=section.part, text=_sentence(text), fields=fields)


def _other_side(one: Field, section: TemplateSection) -> Field | None:
    """The field that asks for the same on the other side; None where there is none, or several are."""
    found = [
        other for other in section.fields
        if one.side and other.side and other.side != one.side and _asked(other) == _asked(one)
    ]  # fmt: skip
    return found[0] if len(found) == 1 else None


def _asked(one: Field) -> tuple[object, ...]:
    """What a field asks for, whatever the side."""
    return (one.kind, *(code for code in one.codes if code != one.side))


def _both(filled: Filled, one: Field, other: Field, phrases: Phrases, *, said_normal: bool) -> str:
    """What is said of both sides at once; empty where they differ, or the phrase that says one side says no both."""
    value, fitting = filled.values.get(one.name), phrases.of(filled.template, one.name, one.codes)
    if value != filled.values.get(other.name) or fitting != phrases.of(filled.template, other.name, other.codes):
        return ""
    if value is None and said_normal:
        deciding = (phrase.both_normal for phrase in fitting if phrase.normal or phrase.both_normal)
    elif isinstance(value, tuple) and len(value) == 1:
        keys = _keys(one, value[0])
        deciding = (
            phrase.both.get(key, "")
            for phrase in fitting
            for key in keys
            if key in phrase.options or key in phrase.both
        )
    else:
        return ""
    return _slots(next(deciding, ""), one, "", phrases)


def _field(filled: Filled, one: Field, phrases: Phrases, *, said_normal: bool) -> str:
    value = filled.values.get(one.name)
    if value is not None:
        return _answer(filled.template, one, value, phrases)
    return _slots(_normal(phrases, filled.template, one.name, one.codes), one, "", phrases) if said_normal else ""


def _normal(phrases: Phrases, template: Template, name: str, codes: Sequence[Code]) -> str:
    return next((phrase.normal for phrase in phrases.of(template, name, codes) if phrase.normal), "")


def _answer(template: Template, one: Field, value: Value, phrases: Phrases) -> str:
    fitting = phrases.of(template, one.name, one.codes)
    if isinstance(value, tuple):
        said = [_option(one, text, fitting) for text in value]
        if all(whole for whole, _ in said):
            return " ".join(_sentence(_slots(words, one, "", phrases)) for _, words in said if words)
        value = phrases.joined.join(words for _, words in said)
    form = next((phrase.text for phrase in fitting if phrase.text), "{label}: {value}")
    return _slots(form, one, _written(value), phrases)


def _option(one: Field, text: str, fitting: Sequence[Phrase]) -> tuple[bool, str]:
    """Whether there is a phrase for the option, and that phrase, else the option's words."""
    for phrase in fitting:
        for key in _keys(one, text):
            if key in phrase.options:
                return True, phrase.options[key]
    return False, text


def _keys(one: Field, text: str) -> tuple[str, ...]:
    """Under which phrases name an option."""
    option = one.option(text)
    return (text, option.code.value) if option and option.code else (text,)


def _written(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return value.isoformat() if isinstance(value, date) else str(value)


def _slots(form: str, one: Field, value: str, phrases: Phrases) -> str:
    side = dict(zip((RIGHT, LEFT), phrases.sides, strict=True)).get(one.side, "") if one.side else ""
    unit = _UNITS.get(one.unit.value, one.unit.value) if one.unit else ""
    if one.unit and "{unit}" not in form:
        value = f"{value} {unit}".strip()
    words = {"value": value, "label": one.label, "side": side, "unit": unit}
    return _SLOT.sub(lambda slot: words.get(slot[1], ""), form)


def _sentence(text: str) -> str:
    plain = " ".join(text.split())
    return plain[:1].upper() + plain[1:] + ("" if plain.endswith((".", "!", "?")) else ".")
