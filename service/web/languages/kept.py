"""Kept: sentences that the ledger keeps in English, told in the visitor's language where their form is known."""

from __future__ import annotations

import re
from functools import cache

from service.domain.said import Said, say_join
from service.web.languages.issues import ISSUES, say_later
from service.web.languages.reasons import REASONS
from service.web.languages.terms import term

_FORMS = (
    # receiving and routing
    say_later("images are arriving"),
    say_later("association from {source} {how}: {counts}"),
    say_later("released"),
    say_later("aborted"),
    say_later("complete: {instances} in {count} series"),
    say_later("{count} instance"),
    say_later("{count} instances"),
    say_later("rule {rule} matched {count} series"),
    say_later("rule {rule} matched {count} series, in shadow: nothing is delivered"),
    say_later("no rule of version {version} matches: {why}"),
    say_later("there is no rule"),
    say_later("{rule} ({name}: wanted {wanted}, found {found})"),
    say_later("{rule} (the rule is off)"),
    say_later("{by} routes the study again under version {version}"),
    say_later("identity version {version} from {source}"),
    # jobs
    say_later("job scheduled: rule {rule}, protocol {protocol}, priority {priority}"),
    say_later("job scheduled: {by} replays job {job}, priority {priority}"),
    say_later("job scheduled: {why}"),
    say_later("attempt {number} claimed by {worker}"),
    say_later("attempt {number} by {worker} was lost: its lease ran out"),
    say_later("{number} attempts in a row took their worker down"),
    say_later("finished: {outcome} ({why}), {objects} for {destinations}"),
    say_later("finished: {outcome}, {objects} for {destinations}"),
    say_later("{count} object"),
    say_later("{count} objects"),
    say_later("{count} destination"),
    say_later("{count} destinations"),
    say_later("canceled by {by}"),
    say_later("canceled: {why}"),
    say_later("deferred: {why}; again in {seconds} s"),
    say_later("superseded: {why}"),
    say_later("recalled by {by}: {why}"),
    say_later("Rejected for Quality Reasons"),
    say_later("Rejected for Patient Safety Reasons"),
    say_later("{why}; {count} deliveries are retracted"),
    say_later("internal error ({kind})"),
    # readings
    say_later("the model server was away until the deadline"),
    say_later("the model did not finish its answer ({how})"),
    say_later("the image is not of the kind the model was made for"),
    say_later("the image is not of the kind the model was made for (score {score}, needs {threshold})"),
    say_later("no image for {model}"),
    # deliveries
    say_later("{what} sent to {destination}: {answer}"),
    say_later("{what} is kept by {destination}: {answer}"),
    say_later("{what} to {destination} deferred: {why}; again in {seconds} s"),
    say_later("{what} to {destination} held: {why}"),
    say_later("{what} refused by {destination}: {why}"),
    say_later("{what} to {destination} superseded: {why}"),
    say_later("{what} to {destination} given up: {why}"),
    say_later("{by} sends {what} to {destination} again"),
    say_later("destination {destination} is not in the active configuration"),
    say_later("{destination} knows this study under another patient or order"),
    say_later("it is encoded again"),
    say_later("compare both, correct one, then retry the delivery"),
    say_later("connection refused"),
    say_later("Success"),
    # people
    say_later("{who} signed the report of job {job}"),
    say_later("{who} rejected the report of job {job}"),
)


def kept(text: str) -> str:
    """The sentence as a Said, if one of the forms fits it whole; else its text as it is."""
    for pattern, form in _patterns():
        found = pattern.fullmatch(text)
        if found:
            return Said(form, values={name: _part(part) for name, part in found.groupdict().items()})
    parts = text.split("; ")
    told = [kept(part) for part in parts] if len(parts) > 1 else []
    return say_join("; ", told) if any(isinstance(each, Said) for each in told) else text


def _part(text: str) -> str:
    known = kept(text)
    return known if isinstance(known, Said) else term(text)


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((_pattern(form), form) for form in (*_FORMS, *REASONS, *ISSUES))


def _pattern(message: str) -> re.Pattern[str]:
    """`{name}` stands for any text without a semicolon, `{why}` for any; the rest is literal."""
    parts = re.split(r"\{(\w+)\}", message)
    holes = {"why": ".+", "answer": ".+"}
    literal = [
        re.escape(part) if number % 2 == 0 else f"(?P<{part}>{holes.get(part, '[^;]+?')})"
        for number, part in enumerate(parts)
    ]
    return re.compile("".join(literal), re.DOTALL)
