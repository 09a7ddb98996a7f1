"""Interpret: the kept answers of a job's steps to one report. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from service.domain.algorithm import Algorithm, Calibration
from service.domain.code import PROCEDURES, UNKNOWN_PROCEDURE
from service.domain.comparison import compares
from service.domain.errors import Unclear
from service.domain.quantity import uncarried
from service.domain.report import Evidence, Finding, Outcome, Report, Sentence
from service.ports.finish import Finish
from workers.algorithms.base import AlgorithmModule, Draft, Looked, Statement, combine
from workers.pipeline.kept import Asked, Kept
from workers.pipeline.select import Selection

UNFOUNDED = "a sentence that compares with an earlier study, which its author has not seen, is left out"

DOUBTED = "the model contradicts itself about {}, so nothing is told of it"

DOUBTED_HERE = "the model contradicts itself about {}; what is told of it rests on the other images"

UNMEASURED = "a sentence that says {} is left out, because nothing that was measured carries it"


@dataclass(frozen=True, slots=True)
class Missing:
    """Why something is missing; `final` if asking again would not change it."""

    reason: str
    final: bool


class Reading:
    """Gathers what the steps of one job say; what is missing is named, never passed over in silence."""

    def __init__(self, *, modality: str, images: Sequence[Evidence], namespace: str) -> None:
        self._procedure = PROCEDURES.get(modality, UNKNOWN_PROCEDURE)
        self._images = tuple(images)
        self._namespace = namespace
        self._algorithms: list[Algorithm] = []
        self._findings: list[Finding] = []
        self._sentences: list[Sentence] = []
        self._missing: list[Missing] = []
        self._looked_at: list[Evidence] = []
        self._notes: list[str] = []
        self._comparisons: list[Sentence] = []

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found so far."""
        return tuple(self._findings)

    def add(self, module: AlgorithmModule, selection: Selection, kept: Kept) -> None:
        """Add one step's answers, under the name of the algorithm that gave them."""
        self._algorithms.append(kept.algorithm)
        self._missing += [Missing(reason, final=True) for reason in kept.left_out]
        drafts: list[Draft] = []
        missing: list[Missing] = []
        for stored, looked in selection.images:
            asked = kept.of(stored.instance.sop_instance_uid)
            drafted = self._draft(module, asked, looked) if asked else Missing("no answer was kept", final=False)
            if isinstance(drafted, Missing):
                missing.append(drafted)
                continue
            drafts.append(calibrated(drafted, kept.calibration))
            self._looked_at.append(looked.evidence)
        missing += _doubted(drafts)
        self._missing += _counted(missing, len(selection.images))
        if drafts:
            looked_at = [looked for _, looked in selection.images]
            self._take(combine(module, drafts, looked_at, namespace=self._namespace), kept)

    def _take(self, draft: Draft, kept: Kept) -> None:
        measured = [one for found in (*self._findings, *draft.findings) for one in found.measurements]
        self._findings += [replace(found, algorithm_uid=kept.algorithm.device_uid) for found in draft.findings]
        for sentence in draft.sentences:
            if quantity := uncarried(sentence.text, measured):
                self._missing.append(Missing(UNMEASURED.format(quantity), final=False))
            else:
                self._sentences.append(sentence)
        self._notes += kept.notes

    def add_findings(
        self,
        algorithm: Algorithm,
        *,
        looked_at: Sequence[Evidence],
        findings: Sequence[Finding],
        sentences: Sequence[Sentence] = (),
        missing: Sequence[Missing],
    ) -> None:
        """Add what one step found on images, under the name of the algorithm that found it."""
        self._algorithms.append(algorithm)
        self._findings += [replace(found, algorithm_uid=algorithm.device_uid) for found in findings]
        self._sentences += sentences
        self._looked_at += looked_at
        self._missing += missing

    def compare(self, sentences: Sequence[Sentence], *, notes: Sequence[str]) -> None:
        """Add what changed since an earlier study that was read, too: the only sentences that may compare."""
        self._comparisons += sentences
        self._notes += notes

    def missing(self, reason: str, algorithm: Algorithm | None = None, *, final: bool) -> None:
        """Name something that the report lacks, whose it would have been, and whether asking again could help."""
        self._missing.append(Missing(reason, final))
        if algorithm is not None:
            self._algorithms.append(algorithm)

    def report(self, *, language: str = "en") -> Report:
        """The report that what was added amounts to.

        A sentence that compares without having an earlier study is left out; its findings stay.
        """
        sentences = [each for each in self._sentences if not compares(each.text)]
        if len(sentences) < len(self._sentences):
            self._missing.append(Missing(UNFOUNDED, final=False))
        reason = "; ".join(dict.fromkeys(missing.reason for missing in self._missing))
        if self._looked_at:
            outcome = Outcome.PARTIAL if reason else Outcome.ANALYSED
        else:
            final = bool(self._missing) and all(missing.final for missing in self._missing)
            outcome, reason = Outcome.NOT_ANALYSED if final else Outcome.FAILED, reason or "no model was asked"
        return Report(
            outcome=outcome,
            algorithms=tuple(dict.fromkeys(self._algorithms)),
            procedure=self._procedure,
            images=tuple(dict.fromkeys(self._looked_at)) or self._images,
            findings=tuple(self._findings),
            sentences=(*sentences, *self._comparisons),
            notes=tuple(dict.fromkeys(self._notes)),
            reason=reason,
            language=language,
        )

    def _draft(self, module: AlgorithmModule, asked: Asked, looked: Looked) -> Draft | Missing:
        answer = asked.answer
        if answer is None:
            return Missing(asked.error, asked.final)
        if answer.finish is Finish.OUTSIDE_DOMAIN:
            score, threshold = answer.domain_score or 0.0, answer.domain_threshold or 0.0
            # Of several images each has a score of its own, and one reason should stand for all of them.
            scored = f" (score {score:.2f}, needs {threshold:.2f})" if looked.of == 1 else ""
            return Missing(f"the image is not of the kind the model was made for{scored}", final=True)
        if answer.finish is not Finish.STOP:
            return Missing(f"the model did not finish its answer ({answer.finish})", final=False)
        try:
            return module.interpret(answer, looked, namespace=self._namespace)
        except Unclear as error:
            return Missing(str(error), final=False)


def _doubted(drafts: Sequence[Draft]) -> Iterator[Missing]:
    """What an image's answer contradicts itself on, once for each image, and whether another image shows it."""
    shown = {one.name for draft in drafts for one in draft.statements if one.item}
    for draft in drafts:
        for name in draft.doubts:
            yield Missing((DOUBTED_HERE if name in shown else DOUBTED).format(name), final=False)


def calibrated(draft: Draft, calibration: Calibration | None) -> Draft:
    """`draft` with the probability of each finding, as the model's card calibrates it; none without that."""
    if calibration is None:
        return draft
    stated = {statement.tracking_id: statement for statement in draft.statements}
    findings = (_calibrated(found, stated.get(found.tracking_id), calibration) for found in draft.findings)
    return replace(draft, findings=tuple(findings))


def _calibrated(finding: Finding, statement: Statement | None, calibration: Calibration) -> Finding:
    """The curve gives how often such a statement is right; the finding keeps how likely it is present."""
    if statement is None or statement.raw is None:
        return finding
    right = calibration.of(statement.name)(statement.raw)
    return replace(finding, probability=round(right if finding.present else 1.0 - right, 4))


def _counted(missing: Iterable[Missing], of: int) -> list[Missing]:
    """Each reason once, and of several images how many it concerns."""
    counts = Counter(missing)
    if of == 1:
        return list(counts)
    return [replace(one, reason=f"{count} of {of} images: {one.reason}") for one, count in counts.items()]
