"""Look: how a frame is to be drawn, as the parameters of an address say it (PS3.18 8.3.5)."""

from __future__ import annotations

import math

from fastapi import HTTPException, Request

from service.ports.viewing import Look

_FUNCTIONS = {"linear": "LINEAR", "linear-exact": "LINEAR_EXACT", "sigmoid": "SIGMOID"}
_LARGEST = 8192


def look(request: Request, *, png: bool) -> Look:
    """Raises 400 for a parameter that cannot be read, and for annotation: no patient's name is burnt in."""
    asked = request.query_params
    if asked.get("annotation"):
        raise HTTPException(400, "Nothing is written onto a picture: leave “annotation” out.")
    return Look(
        png=png,
        quality=_quality(asked.get("quality", "90")),
        window=_window(asked["window"]) if asked.get("window") else None,
        viewport=_viewport(asked["viewport"]) if asked.get("viewport") else None,
    )


def _quality(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:4]) <= 100:
        raise HTTPException(400, "“quality” is a whole number from 1 to 100.")
    return int(text)


def _window(text: str) -> tuple[float, float, str]:
    wrong = HTTPException(400, "“window” is centre,width,function: numbers, then linear, linear-exact or sigmoid.")
    centre, width, function = (*text.split(","), "linear")[:3] if text.count(",") in {1, 2} else ("", "", "")
    try:
        numbers = float(centre), float(width)
    except ValueError:
        raise wrong from None
    if not all(map(math.isfinite, numbers)) or numbers[1] <= 0 or function.lower() not in _FUNCTIONS:
        raise wrong
    return *numbers, _FUNCTIONS[function.lower()]


def _viewport(text: str) -> tuple[int, int]:
    width, comma, height = text.partition(",")
    if not comma or not all(part.isascii() and part.isdecimal() and len(part) < 6 for part in (width, height)):
        raise HTTPException(400, "“viewport” is width,height in pixels; a part of a picture cannot be asked for.")
    if not 1 <= min(int(width), int(height)) <= max(int(width), int(height)) <= _LARGEST:
        raise HTTPException(400, f"A picture is 1 to {_LARGEST} pixels wide and high.")
    return int(width), int(height)
