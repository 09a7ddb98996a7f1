"""Browser: the messages of scripts, as one static script per language that stands before all others."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import files

from service.web.languages.catalogue import Catalogue, catalogue
from service.web.languages.language import Language

_SCRIPTS = "service/web/static/"


def script_name(language: Language) -> str:
    return f"language.{language.value}.js"


def address(language: Language) -> str:
    """Where the script is; it changes with its content and its language."""
    digest = hashlib.sha256(script(language).encode()).hexdigest()[:12]
    return f"/static/{script_name(language)}?v={digest}"


@cache
def script(language: Language) -> str:
    """The messages, and the functions that say them."""
    code = (files("service.web") / "static" / "language.js").read_text(encoding="utf-8")
    messages = json.dumps(_messages(catalogue(language)), ensure_ascii=False, sort_keys=True)
    return f"globalThis.prereadMessages = {messages};\n{code}"


def _messages(found: Catalogue) -> dict[str, list[str]]:
    """Each term, and each message that stands in a script, with one text or, for a plural, two."""
    wanted = [each for each in found.messages if each.msgctxt == "term" or each.stands_in(_SCRIPTS)]
    terms_first = sorted(wanted, key=lambda each: not each.msgctxt)
    return {each.msgid: [each.msgstr[number] for number in sorted(each.msgstr)] for each in terms_first}
