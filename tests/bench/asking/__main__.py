"""Score the rules that answer questions on reports; no model is asked.

    python -m tests.bench.asking
    python -m tests.bench.asking --wrong

An answer is right where verdict, side, size or change are; a citation is right where it touches every place that the
answer stands at, and cites nothing for what is not stated. An invented answer is one to what is not stated.
"""

from __future__ import annotations

import argparse

from service.domain.prose.reading import read
from service.domain.prose.span import Span
from service.domain.question import VERSION
from service.domain.question.answer import answer
from service.domain.question.elsewhere import elsewhere
from tests.bench.asking.question_set import PARTS, Case, cases


def said(case: Case) -> tuple[str, list[Span]]:
    """The first answer of the rules, and all that they cite."""
    if elsewhere(case.question):
        return "refused", []
    replies = answer(case.question, read(case.text), read(case.prior) if case.prior else None)
    return str(replies[0].answer), [span for reply in replies for span in reply.spans]


def right(case: Case) -> tuple[bool, bool]:
    """Whether the answer is right, and whether its citations are."""
    found, spans = said(case)
    touched = all(any(span.start < end and start < span.end for span in spans) for start, end in case.places)
    return found == case.answer, touched and bool(spans) == bool(case.places)


def figures(found: tuple[Case, ...]) -> dict[str, float]:
    """Shares of right answers and citations, by language, too, and of invented answers."""
    scored = [(case, *right(case)) for case in found]
    silent = [case for case in found if case.answer == "not stated"]
    made = {
        "questions": float(len(found)),
        "answers right": sum(ok for _, ok, _ in scored) / len(found),
        "citations right": sum(cited for *_, cited in scored) / len(found),
        "invented, of what is not stated": sum(said(case)[0] != "not stated" for case in silent) / (len(silent) or 1),
    }
    for language in sorted({case.language for case in found}):
        mine = [ok and cited for case, ok, cited in scored if case.language == language]
        made[f"both right, {language}"] = sum(mine) / len(mine)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description="Score the rules that answer questions on reports.")
    parser.add_argument("--wrong", action="store_true", help="name each question whose answer or citation is wrong")
    asked = parser.parse_args()
    for part in PARTS:
        print(f"rules {VERSION}, {part}:")
        for name, value in figures(cases(part)).items():
            print(f"  {name:32} {value:g}" if value > 1 else f"  {name:32} {value:.3f}")
        for case in cases(part) if asked.wrong else ():
            if right(case) != (True, True):
                found, spans = said(case)
                print(f"  {case.question} wanted {case.answer}, got {found}: {[span.text for span in spans]}")


if __name__ == "__main__":
    main()
