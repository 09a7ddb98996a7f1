"""Templates: what they say in one language. `_("Saved by {who}.", who=name)`, `ngettext("{number} image", ...)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from service.domain.said import Said
from service.web.languages.browser import address
from service.web.languages.catalogue import Catalogue
from service.web.languages.kept import kept
from service.web.languages.language import Language
from service.web.languages.terms import term


def speak(environment: Environment, catalogue: Catalogue) -> None:
    """Let `environment` say everything in the language of `catalogue`: marked texts, and each Said that it prints."""

    def text(message: str, /, **values: object) -> Markup:
        return _filled(catalogue, catalogue.gettext(message), values)

    def many(one: str, several: str, number: int, /, **values: object) -> Markup:
        return _filled(catalogue, catalogue.ngettext(one, several, number), {"number": number, **values})

    environment.globals.update(
        _=text, ngettext=many, language=catalogue.language, languages=list(Language),
        browser_language=address(catalogue.language),
    )  # fmt: skip
    environment.filters.update(
        said=catalogue.say, decimal=catalogue.decimal, term=lambda word: catalogue.say(term(word)),
        kept=lambda text: catalogue.say(kept(text)),
    )  # fmt: skip
    environment.finalize = _finalize(catalogue)


def _filled(catalogue: Catalogue, message: str, values: dict[str, object]) -> Markup:
    """A message is ours and may have tags; what is filled in is escaped, unless it is markup itself."""
    told = {name: value if isinstance(value, Markup) else catalogue.say(value) for name, value in values.items()}
    return Markup(message).format(**told)


def _finalize(catalogue: Catalogue) -> Callable[[Any], Any]:
    return lambda value: catalogue.say(value) if isinstance(value, Said) else value
