"""Static: the style sheet, the scripts and the icon; a fixed list, read once."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from fastapi import HTTPException
from fastapi.responses import Response

from service.web.languages.browser import script, script_name
from service.web.languages.language import Language
from service.web.rendering import STATIC

_MESSAGES = {script_name(language): language for language in Language}
TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "LICENSE": "text/plain"}


async def send(name: str) -> Response:
    """A file of STATIC, or the messages of a language; its address changes with its content, so browsers may keep it.

    Raises 404.
    """
    if name not in STATIC and name not in _MESSAGES:
        raise HTTPException(404)
    kind = TYPES[name.rsplit(".", 1)[1]]
    return Response(_content(name), media_type=kind, headers={"Cache-Control": "public, max-age=31536000, immutable"})


@cache
def _content(name: str) -> bytes:
    if name in _MESSAGES:
        return script(_MESSAGES[name]).encode()
    return (files("service.web") / "static" / name).read_bytes()
