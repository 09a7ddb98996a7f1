"""`preread templates encode` and `decode`: a filled form as a Structured Report, and back; files, nothing is sent."""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

import typer

from dicom_nodes.objects.context import EncodingContext
from dicom_nodes.objects.filled_form import decode as decoded
from dicom_nodes.objects.filled_form import encode as encoded
from dicom_nodes.objects.structure import complaints
from service.adapters.templates.shelf import TemplateShelf
from service.cli.config import text_of
from service.cli.installed import installed
from service.cli.show import Unknown, console, harmless
from service.cli.trail import audit
from service.domain.errors import Misconfigured, Unclear
from service.domain.filled import Filled
from service.domain.phrase import Phrases
from service.domain.report import Report
from service.domain.study import Study
from service.domain.template import Template
from service.domain.uids import derive_uid
from service.flow.guide import read_answer, written
from service.flow.record import read_report
from service.ports.services import Services
from service.settings import Settings

SERIES_NUMBER = 9350
Name = Annotated[str, typer.Argument(help="Name of the template.")]
Answers = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON, as `templates show --schema` says.")]


def encode(
    context: typer.Context,
    name: Name,
    answers: Answers,
    job: Annotated[str, typer.Option(help="The reading whose study and images it is of.")],
    out: Annotated[Path, typer.Option(help="The file to write; none may be there.")],
) -> None:
    """Write a filled form as a Comprehensive SR: preliminary and unverified, with every code of its answers."""
    template, services = _template(name, context.obj), installed(context)
    report, study = _case(services, job)
    filled = _filled(template, answers)
    audit(services, f"form of template {name} encoded for job {job}")
    language = report.language or services.settings.site.language
    part10 = form(
        filled, report, study, services.settings, services.templates.phrases(language), now=_now(services), job=job
    )
    if wrong := complaints(part10):
        raise Misconfigured(f"the form cannot leave: {'; '.join(wrong)}")
    try:
        with out.open("xb") as file:
            file.write(part10)
    except OSError as error:
        raise Misconfigured(f"{out} cannot be written: {error.strerror}") from error
    console.print(f"{out} written")


def decode(
    context: typer.Context,
    name: Name,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A form that `templates encode` wrote.")],
) -> None:
    """Print the answers that stand in a form, as JSON. Sections called normal are told apart, on stderr."""
    found = decoded(file.read_bytes(), _template(name, context.obj))
    print(written(found))
    for section in sorted(found.normal):
        typer.echo(f"everything else is normal: {harmless(section)}", err=True)


def form(
    filled: Filled, report: Report, study: Study, settings: Settings, phrases: Phrases, *, now: datetime, job: str
) -> bytes:
    """Part 10 bytes; the UID follows from the answers, the reading and the moment. `now` in the site's zone."""
    site, said = settings.site, written(filled)
    sop_instance_uid = derive_uid("preread", "form", site.name, job, filled.template.name, said, now.isoformat())
    context = EncodingContext(
        identity=study.identity,
        study_instance_uid=study.study_instance_uid,
        series_instance_uid=derive_uid("preread", "forms", site.name, job),
        sop_instance_uid=sop_instance_uid,
        series_number=SERIES_NUMBER,
        instance_number=1,
        created_at=now,
        instances=tuple(stored.instance for stored in study.instances),
        institution=site.institution,
        device_serial_number=site.device_serial,
        device_uid=settings.device_uid,
        software_version=installed_version("preread"),
        language=site.language,
    )
    return encoded(filled, report, context, phrases)


def _template(name: str, settings: Settings) -> Template:
    found = TemplateShelf(settings.own_templates).template(name)
    if found is None:
        raise Unknown(f"there is no template {name}; `preread templates list` names those that are")
    return found


def _case(services: Services, job: str) -> tuple[Report, Study]:
    record = services.catalogue.job(job)
    report = read_report(record.report) if record else None
    study = services.ledger.study(record.job.study_instance_uid) if record else None
    if report is None or study is None:
        raise Unknown(f"there is no reading {job} with a report; `preread jobs list` shows the newest")
    return report, study


def _filled(template: Template, file: Path) -> Filled:
    try:
        filled = read_answer(template, text_of(file))
    except Unclear as error:
        raise Misconfigured(f"{file}: {error}") from error
    blocking = [issue.message for issue in filled.issues if issue.blocks]
    if blocking:
        raise Misconfigured(f"{file}: {'; '.join(blocking)}")
    return filled


def _now(services: Services) -> datetime:
    return services.clock.now().astimezone(services.clock.zone)
