"""`preread edits export`: the edit log without the people in it, for whoever trains a model."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated, Any

import typer
from pydicom.uid import UID

from service.cli.installed import installed
from service.cli.show import console
from service.cli.trail import audit
from service.domain.errors import Gone, Refused, Unreadable
from service.domain.job import JobState
from service.domain.pseudonym import Pseudonyms
from service.domain.report import Report
from service.domain.review import Review, Verdict, signed_report
from service.domain.scrub import Known
from service.domain.study import StoredInstance
from service.flow.count import reviewed
from service.flow.deidentify import SCHEMA, Case, StillThere, as_line, known_of, line_of, patient_of
from service.flow.record import read_report
from service.flow.words import count
from service.ports.catalogue import JobRecord
from service.ports.services import Services
from service.settings import Settings

KEY = "pseudonyms.key"
SAYS = (
    "Names, identifiers, accession numbers and dates that stand in the headers of these studies, and what looks like a "
    "name behind a title, a date, a number or an address, were taken out of all texts by rules. That is as good as it "
    "says and no better: a name that stands in no header and behind no title may still be there. Pixels were not "
    "changed: images whose header says that text is burned in, and those of kinds that often have some, were left out; "
    "of all others the header does not tell. Look at what leaves before it leaves."
)
_MOST_HEADERS, _MOST_IMAGES = 40, 2000
_PROGRESS = 25


def export(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", help="A new folder, or one in which an export was stopped.")],
    images: Annotated[bool, typer.Option("--images", help="The images that the reports rest on, too.")] = False,
    key: Annotated[
        Path | None, typer.Option("--key", help="File of the key for pseudonyms; else the installation's own.")
    ] = None,
) -> None:
    """Signed reports with what people changed in their drafts, de-identified: one line each, and a manifest."""
    from service.adapters.export_folder import ExportFolder, site_key  # pydicom's writer is loaded only here

    settings: Settings = context.obj
    services = installed(context)
    pseudonyms = Pseudonyms(site_key(key or settings.data / KEY))
    audit(services, f"de-identified export of the edit log{' with images' if images else ''}: begun")
    how = {"schema": SCHEMA, "key": pseudonyms.fingerprint, "images": images, "preread": installed_version("preread")}
    with ExportFolder(out, how) as folder:
        run = Run(services, pseudonyms, folder, images)
        run.all()
        manifest = folder.finish({**how, **run.words()})
    kept = sum(entry["bytes"] for entry in manifest["files"])
    audit(services, f"de-identified export of the edit log: {run.kept['reports']} reports, {run.kept['images']} images")
    console.print(
        f"{count(run.kept['reports'], 'report')} and {count(run.kept['images'], 'image')}, {kept} bytes, are in {out}; "
        f"{count(sum(run.withheld.values()), 'report')} and {count(sum(run.left_out.values()), 'image')} were left out "
        "(manifest.json says why, and what scrubbing is worth)"
    )


@dataclass
class Run:
    """One export, as far as it has come."""

    services: Services
    pseudonyms: Pseudonyms
    folder: Any
    images: bool
    kept: Counter[str] = field(default_factory=Counter)
    withheld: Counter[str] = field(default_factory=Counter)
    """Why reports were left out, in words."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Why images were left out, in words."""
    burned_in: Counter[str] = field(default_factory=Counter)
    _named: set[str] = field(default_factory=set)

    def all(self) -> None:
        for number, review in enumerate(_signatures(self.services), start=1):
            try:
                self._one(review)
            except (Refused, Unreadable, StillThere) as error:
                self.withheld[str(error)] += 1
            except ValueError:  # a history of another draft, or a text without end
                self.withheld["its text could not be made again, or is too long to be scrubbed"] += 1
            if number % _PROGRESS == 0:
                print(f"{number} signed reports looked at, {self.kept['reports']} exported", file=sys.stderr)

    def words(self) -> Mapping[str, Any]:
        from service.adapters.deidentified import PROFILE

        return {
            "reports": self.kept["reports"], "images_kept": self.kept["images"], "profile": PROFILE, "says": SAYS,
            "reports_left_out": dict(self.withheld), "images_left_out": dict(self.left_out),
            "burned_in_annotation": dict(self.burned_in),
        }  # fmt: skip

    def _one(self, review: Review) -> None:
        files = self.folder.done.get(self.pseudonyms.of("report", review.job_id))
        if files is None:
            case, stored = _case(self.services, review)
            line = line_of(case, self.pseudonyms)
            files = line["files"] = [self._image(each, case) for each in stored] if self.images else []
            self.folder.add(as_line(line))
        self.kept["reports"] += 1
        for file in files:
            self._count(file)

    def _count(self, file: Mapping[str, Any]) -> None:
        if "left_out" in file:
            self.left_out[file["left_out"]] += 1
        elif file["instance"] not in self._named:
            self._named.add(file["instance"])
            self.kept["images"] += 1
            self.burned_in[file["burned_in_annotation"]] += 1

    def _image(self, stored: StoredInstance, case: Case) -> Mapping[str, Any]:
        """The file of one image, or why there is none."""
        from service.adapters import deidentified

        named = self.pseudonyms.uid(stored.instance.sop_instance_uid)
        try:
            with self.services.spool.open(stored.location) as stream:
                image = deidentified.read(stream)
            says = deidentified.burned_in(image)
            known = case.known | deidentified.known_of(image)
            made = deidentified.deidentified(image, self.pseudonyms, patient=patient_of(case), known=known)
        except (Refused, Unreadable, Gone) as error:
            why = "its bytes are not there any more" if isinstance(error, Gone) else str(error)
            return {"instance": named, "left_out": why}
        sha256 = self.folder.keep(f"{named}.dcm", made)
        return {"instance": named, "file": f"images/{named}.dcm", "sha256": sha256, "burned_in_annotation": says}


def _signatures(services: Services) -> Iterator[Review]:
    return (review for review in reviewed(services.signing) if review.verdict is Verdict.SIGNED)


def _case(services: Services, review: Review) -> tuple[Case, Sequence[StoredInstance]]:
    """What a line is made of, and the images that its report rests on. Raises Refused for what does not leave."""
    record = services.catalogue.job(review.job_id)
    study = services.ledger.study(UID(review.study_instance_uid))
    report, history = read_report(record.report) if record else None, services.edits.history(review.job_id)
    if record is None or report is None or history is None or study is None:
        raise Refused("its draft is not kept any more")
    if record.job.state is JobState.RECALLED:
        raise Refused("it was withdrawn")
    said = [each for each in services.signing.reviews(review.study_instance_uid) if each.job_id == review.job_id]
    signed = signed_report(tuple(said))
    if signed is None:
        raise Refused("its signature is not kept any more")
    stored = _cited(report, study.instances)
    known = known_of(study.identity, signed) | _of_headers(services, stored, study.instances)
    known |= Known(names=frozenset(revision.reviewer for revision in history.revisions))
    return Case(
        reading=review.job_id, study=review.study_instance_uid, identity=study.identity, known=known, report=report,
        history=history, signed=signed, provenance=json.loads(record.provenance or "{}"), prompts=_prompts(record),
    ), stored  # fmt: skip


def _prompts(record: JobRecord) -> Mapping[str, str]:
    return {step.model_digest: step.prompt_digest for step in reversed(record.steps)}


def _cited(report: Report, instances: Sequence[StoredInstance]) -> Sequence[StoredInstance]:
    places = (*report.images, *(place for finding in report.findings for place in finding.evidence))
    named = {place.sop_instance_uid for place in places}
    return [each for each in instances if each.instance.sop_instance_uid in named][:_MOST_IMAGES]


def _of_headers(services: Services, cited: Sequence[StoredInstance], every: Sequence[StoredInstance]) -> Known:
    """What the headers say of people: of the images that are cited, and of one of each series."""
    from service.adapters import deidentified

    series = {each.instance.series_instance_uid: each for each in reversed(every)}.values()
    chosen = {each.location: each for each in (*series, *cited)}
    found = []
    for stored in list(chosen.values())[:_MOST_HEADERS]:
        try:
            with services.spool.open(stored.location) as stream:
                found.append(deidentified.known_of(deidentified.read(stream, pixels=False)))
        except (Gone, Unreadable):
            continue
    return reduce(Known.__or__, found, Known())
