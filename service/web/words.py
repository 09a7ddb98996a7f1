"""Words: values as a page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from markupsafe import Markup

from service.domain.said import say
from service.flow.words import span
from service.web.languages.language import Language
from service.web.languages.terms import term


@dataclass(frozen=True, slots=True)
class Mark:
    """A state by shape, colour and word, so that no one of them is needed alone."""

    shape: str
    """circle, ring, half, triangle, cross or dash; drawn by `mark` in macros.html."""
    tone: str
    """ok, busy, wait, warn, bad or idle; coloured in app.css."""
    word: str


_OK, _BUSY, _WAIT = ("circle", "ok"), ("half", "busy"), ("ring", "wait")
_BUSY_SOLID = ("circle", "busy")
_WARN, _BAD, _IDLE = ("triangle", "warn"), ("cross", "bad"), ("dash", "idle")

_MARKS: dict[str, tuple[str, str]] = {
    # studies
    "receiving": _BUSY, "unmatched": _IDLE, "scheduled": _WAIT, "reading": _BUSY, "delivering": _BUSY,
    "done": _OK, "attention": _WARN,
    # jobs
    "SCHEDULED": _WAIT, "IN PROGRESS": _BUSY, "COMPLETED": _OK, "CANCELED": _BAD, "RECALLED": _WARN,
    # deliveries
    "PENDING": _WAIT, "SENDING": _BUSY, "SENT": _OK, "COMMITTED": _OK, "HELD": _WARN, "REFUSED": _BAD,
    "EXPIRED": _BAD, "SUPERSEDED": _IDLE, "STANDBY": _IDLE,
    "RETRACTED": _WARN,
    # rules
    "off": _IDLE, "shadow": _WAIT, "live": _OK,
    # findings: present is not good news, absent not bad
    "present": _BUSY_SOLID, "absent": _WAIT,
    # outcomes of a reading
    "analysed": _OK, "partial": _WARN, "not analysed": _IDLE, "failed": _BAD,
    # everything else
    "up": _OK, "down": _BAD, "ready": _OK, "not ready": _BAD, "unknown": _IDLE, "silent": _WARN, "alive": _OK,
    "degraded": _WARN, "low": _BAD, "yes": _OK, "no": _IDLE,
}  # fmt: skip


def mark(state: object) -> Mark:
    """The mark of a state; one that nobody knows is shown as idle, by its own word."""
    word = str(state)
    shape, tone = _MARKS.get(word, _IDLE)
    return Mark(shape, tone, term(word.lower()))


def name(text: str) -> str:
    """A person name (PN, PS3.5 6.2.1.1) as people write it: "Doe^Jane^^Dr" -> "Doe, Jane (Dr)".

    Other scripts follow: "Yamada^Tarou=山田^太郎" -> "Yamada, Tarou (山田 太郎)".
    """
    first, *others = text.split("=")
    written = ", ".join(filter(None, (" ".join(filter(None, group.split("^"))) for group in others)))
    alphabetic = _alphabetic(first)
    return f"{alphabetic} ({written})" if alphabetic and written else alphabetic or written


def _alphabetic(group: str) -> str:
    parts = [part.strip() for part in group.split("^")]
    family, given, middle, prefix, suffix = (parts + [""] * 5)[:5]
    full = ", ".join(filter(None, (family, " ".join(filter(None, (given, middle))))))
    titles = " ".join(filter(None, (prefix, suffix)))
    return f"{full} ({titles})" if titles else full


def day(text: str, language: Language = Language.EN) -> str:
    """A DICOM date (DA) as ISO 8601, in German as 31.12.2026; what is not one stays as it is."""
    if len(text) != 8 or not text.isdigit():
        return text
    year, month, number = text[:4], text[4:6], text[6:]
    return f"{number}.{month}.{year}" if language is Language.DE else f"{year}-{month}-{number}"


def size(count: int) -> str:
    """Bytes in the unit that gives one to three digits before the point."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            return say(
                "{size} {unit}",
                size=Decimal(f"{value:.0f}" if unit == "B" or value >= 100 else f"{value:.1f}"),
                unit=unit,
            )
        value /= 1000
    raise AssertionError


def years(low: float | None, high: float | None) -> str:
    """A range of ages in words; empty if neither bound is set."""
    if high is None:
        return "" if low is None else say("{low} years or more", low=low)
    return say("{low} to {high} years", low=low or 0.0, high=high)


def took(seconds: float | None) -> str:
    return "" if seconds is None else span(timedelta(seconds=seconds))


def ago(then: datetime | None, now: datetime) -> str:
    """How long since `then`; "0 s" for an instant that another clock has already."""
    return "" if then is None else span(now - then)


def since(then: datetime | None, now: datetime) -> str:
    """ "12 s ago", or "just now" within the last second."""
    if then is None:
        return ""
    return say("just now") if now - then < timedelta(seconds=1) else say("{time} ago", time=span(now - then))


def local(
    at: datetime | None, zone: ZoneInfo, now: datetime, *, seconds: bool = True, language: Language = Language.EN
) -> Markup:
    """A `<time>` in the site's zone, with the date unless it is today's, and UTC in its title."""
    if at is None:
        return Markup("")
    here, today = at.astimezone(zone), now.astimezone(zone).date()
    clock = f"{here:%H:%M:%S}" if seconds else f"{here:%H:%M}"
    text = clock if here.date() == today else f"{day(f'{here:%Y%m%d}', language)} {clock}"
    utc = at.astimezone(UTC)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        utc.isoformat(timespec="seconds"), f"{utc:%Y-%m-%d %H:%M:%S} UTC", text
    )


def short(digest: str) -> str:
    """The beginning of a digest or UID, enough to tell it from its neighbours."""
    bare = digest.removeprefix("sha256:")
    return bare if len(bare) <= 12 else f"{bare[:12]}…"
