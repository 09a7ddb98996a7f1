"""Letters for a page: which typeface has a character, and right-to-left words in the order they are read.

Latin, Greek, Cyrillic, Hebrew and Arabic are embedded (DejaVu). Chinese, Japanese and Korean are written in the
typefaces that PDF readers bring themselves (ISO 32000-1 9.7.5.2): embedding them would cost megabytes a page.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

FONTS = Path(__file__).parent / "fonts"
REGULAR, BOLD = "DejaVuSans", "DejaVuSans-Bold"
_READERS_OWN = (("HeiseiKakuGo-W5", "shift_jis"), ("STSong-Light", "gbk"), ("HYGothic-Medium", "cp949"))
"""Typefaces of PDF readers, with the codec of the characters that each has."""
_RIGHT_TO_LEFT = ("R", "AL")
_INSIDE_WORDS = ("NSM", "WS", "ON", "ES", "CS", "BN")


def markup(text: str, *, bold: bool = False) -> str:
    """`text` as reportlab's markup for a paragraph; a character that no typeface has stands as its code point."""
    own = BOLD if bold else REGULAR
    shown = "".join(_clusters_in_order(text))
    runs = groupby(zip(_faces(shown, own), shown, strict=True), key=lambda pair: pair[0])
    return "".join(_run(face, "".join(character for _, character in pairs), own) for face, pairs in runs)


def plain(text: str) -> str:
    """`text` for a picture, where the embedded typeface alone draws."""
    order = "".join(_clusters_in_order(text))
    return "".join(letter if ord(letter) in embedded()[REGULAR] else f"[U+{ord(letter):04X}]" for letter in order)


def _faces(text: str, own: str) -> list[str | None]:
    """The typeface of each character; a blank stays in that of the word before it."""
    asian = _asian(text)
    faces: list[str | None] = []
    for character in text:
        faces.append(faces[-1] if character == " " and faces and faces[-1] else _face(character, own, asian))
    return faces


def _run(face: str | None, text: str, own: str) -> str:
    if face is None:
        return "".join(f"[U+{ord(character):04X}]" for character in text)
    return escape(text) if face == own else f'<font name="{face}">{escape(text)}</font>'


def _face(character: str, own: str, asian: str | None) -> str | None:
    if ord(character) in embedded()[own]:
        return own
    codecs = dict(_READERS_OWN)
    for face in (asian, *codecs):
        if face and _has(codecs[face], character):
            return face
    return None


@cache
def embedded() -> dict[str, frozenset[int]]:
    """Code points of the embedded typefaces by name; the first call registers all typefaces with reportlab."""
    found = {}
    for name in (REGULAR, BOLD):
        font = TTFont(name, FONTS / f"{name}.ttf")
        pdfmetrics.registerFont(font)
        found[name] = frozenset(font.face.charToGlyph)
    for name, _ in _READERS_OWN:
        pdfmetrics.registerFont(UnicodeCIDFont(name))
    return found


def _asian(text: str) -> str | None:
    """The first typeface that has every character which the embedded one lacks, so that a name stands in one."""
    missing = [character for character in text if ord(character) not in embedded()[REGULAR]]
    return next((face for face, codec in _READERS_OWN if all(_has(codec, one) for one in missing)), None)


def _has(codec: str, character: str) -> bool:
    try:
        character.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def _clusters_in_order(text: str) -> Iterator[str]:
    """Letters with their marks, words of Hebrew and Arabic turned round: the page is written from the left.

    The part of the bidirectional algorithm (UAX 9) that names and short sentences need: no nesting.
    """
    for leftward, run in groupby(_directed(_joined(text)), key=lambda pair: pair[1]):
        clusters = [cluster for cluster, _ in run]
        yield from reversed(clusters) if leftward else clusters


def _directed(text: str) -> list[tuple[str, bool]]:
    """Clusters of `text`, each with whether it runs to the left; blanks between two such words do, too."""
    clusters: list[str] = []
    for character in text:
        if clusters and unicodedata.combining(character):
            clusters[-1] += character
        else:
            clusters.append(character)
    kinds = [unicodedata.bidirectional(cluster[0]) for cluster in clusters]
    leftward = [kind in _RIGHT_TO_LEFT for kind in kinds]
    last = max((at for at, runs in enumerate(leftward) if runs), default=-1)
    since = -1
    for at, kind in enumerate(kinds[: last + 1]):
        if leftward[at]:
            if since >= 0:
                leftward[since + 1 : at] = [True] * (at - since - 1)
            since = at
        elif kind not in _INSIDE_WORDS:
            since = -1
    return list(zip(clusters, leftward, strict=True))


def _joined(text: str) -> str:
    """Arabic letters in the form that their neighbours ask for (Unicode 9.2, Arabic Presentation Forms-B)."""
    if not any(letter in _forms() for letter in text):
        return text
    found = []
    for at, letter in enumerate(text):
        forms = _forms().get(letter, {})
        before, after = _neighbour(reversed(text[:at])), _neighbour(text[at + 1 :])
        joins_before = "initial" in _forms().get(before, {}) and "final" in forms
        joins_after = "initial" in forms and "final" in _forms().get(after, {})
        shape = {(True, True): "medial", (True, False): "final", (False, True): "initial"}.get(
            (joins_before, joins_after), "isolated"
        )
        found.append(forms.get(shape, letter))
    return "".join(found)


def _neighbour(letters: Iterable[str]) -> str:
    """The next letter that is no mark."""
    return next((letter for letter in letters if not unicodedata.combining(letter)), "")


@cache
def _forms() -> dict[str, dict[str, str]]:
    """Presentation forms by letter and shape."""
    forms: dict[str, dict[str, str]] = {}
    for point in range(0xFE80, 0xFEF5):
        shape, *letters = unicodedata.decomposition(chr(point)).split()
        if len(letters) == 1:
            forms.setdefault(chr(int(letters[0], 16)), {})[shape.strip("<>")] = chr(point)
    return forms
