"""Said: a sentence that is English as it stands and can be said in another language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

_NO_VALUES: Mapping[str, object] = MappingProxyType({})

SENTENCE = "sentence"
"""Context of a message that begins with a capital, whatever its values begin with."""


class Said(str):
    """English text that still knows its message and its values.

    Logs, the API and the command line take it as the string that it is; a page says it in its visitor's language.
    Values stand in braces by name; one may be a Said itself.
    """

    message: str
    """The message in the catalogue (msgid), values not yet filled in."""
    plural: str
    """The message for another number than one; empty for a message without number."""
    context: str
    """Tells messages apart that English writes alike (msgctxt); empty for most."""
    values: Mapping[str, object]

    def __new__(
        cls,
        message: str,
        /,
        *,
        plural: str = "",
        context: str = "",
        values: Mapping[str, object] = MappingProxyType({}),
    ) -> Said:
        chosen = plural if plural and values.get("number") != 1 else message
        text = chosen.format_map({name: _english(value) for name, value in values.items()})
        made = super().__new__(cls, capital(text) if context == SENTENCE else text)
        made.message, made.plural, made.context, made.values = message, plural, context, values
        return made

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        """What leaves the process, and every copy, is the English text."""
        return str, (str(self),)


def say(message: str, /, **values: object) -> Said:
    """A message with its values: `say("Rule {rule} is off.", rule=rule.name)`."""
    return Said(message, values=values)


def say_many(one: str, many: str, number: int, /, **values: object) -> Said:
    """A message about a number of things, which stands in it as `{number}`."""
    return Said(one, plural=many, values={"number": number, **values})


def say_as(context: str, message: str, /) -> Said:
    """A word that other languages say differently by its context, such as a state."""
    return Said(message, context=context)


def say_sentence(words: str, /) -> Said:
    """What an error says, as a sentence of its own: with a capital and a full stop, in each language."""
    return Said("{words}.", context=SENTENCE, values={"words": words})


def say_join(separator: str, parts: Iterable[str]) -> Said:
    """Sentences or words one after another, each in the language of the page."""
    named = {f"part{number}": part for number, part in enumerate(parts)}
    return Said(separator.join(f"{{{name}}}" for name in named), values=named)


def say_and(parts: Sequence[str]) -> Said:
    """ "A and B", "A, B and C"; at least two."""
    return say("{several} and {last}", several=say_join(", ", parts[:-1]), last=parts[-1])


def say_or(parts: Sequence[str]) -> Said:
    """ "A", "A or B", "A or B or C"."""
    *several, last = parts
    return say("{several} or {last}", several=say_or(several), last=last) if several else say_join("", [last])


def capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _english(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
