"""Judged by validators that others wrote: dicom3tools, dcmtk and PixelMed find no error in any object."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dicom_nodes.objects import encoders
from dicom_nodes.objects.context import EncodingContext
from service.domain import code
from service.domain.report import Report, first_line
from service.domain.study import Identity, Patient
from tests.support import reports, validators
from tests.support.reports import A_PREDECESSOR, AN_IDENTITY, a_context, a_report, an_instance

JAPANESE = replace(
    AN_IDENTITY, patient=Patient(patient_id="ID-9", name="Yamada^Tarou=山田^太郎=やまだ^たろう", sex="O")
)
ODD = Identity(
    patient=Patient(patient_id="x\\y" * 40, name="a" * 200, birth_date="1950", sex="W"),
    accession_number="0123456789" * 3,
    study_time="noon",
    requests=(("", ""),),
)
SITUATIONS: dict[str, tuple[Report, EncodingContext]] = {
    "findings, German name": (a_report(), a_context()),
    "normal": (reports.a_normal_report(), a_context()),
    "partial": (reports.a_partial_report(), a_context()),
    "partial without a finding": (reports.a_partial_report(findings=(), sentences=()), a_context()),
    "not analysed": (reports.an_unread_report(), a_context()),
    "not analysed, no algorithm, no image": (
        reports.an_unread_report(algorithms=(), images=()),
        a_context(instances=()),
    ),
    "Japanese name": (a_report(language="ja"), a_context(identity=JAPANESE)),
    "missing attributes": (
        a_report(),
        a_context(identity=Identity(), instances=(replace(an_instance(), attributes={}),), institution=""),
    ),
    "images of which nothing is known": (
        a_report(findings=(replace(reports.EFFUSION, mask=None),), sentences=()),
        a_context(instances=(), software_version=""),
    ),
    "odd attributes": (a_report(), a_context(identity=ODD)),
    "two algorithms": (reports.two_algorithms_report(), a_context()),
    "two views, devices, several boxes": (reports.a_report_of_two_views(), a_context()),
    "with predecessors": (a_report(), a_context(predecessors=(A_PREDECESSOR,), instance_number=2)),
}
CASES = [
    pytest.param(role, name, id=f"{role}, {name}")
    for role, encoder in encoders().items()
    for name, (report, _) in SITUATIONS.items()
    if encoder.applies(report)
]
every_object = pytest.mark.parametrize(("role", "name"), CASES)
DOCUMENTS = ("basic-text-sr", "tid1500", "coordinates-sr")
TREES = (*DOCUMENTS, "key-objects")
every_document = pytest.mark.parametrize(("role", "name"), [case for case in CASES if case.values[0] in DOCUMENTS])


def written(role: str, name: str, folder: Path) -> Path:
    report, context = SITUATIONS[name]
    path = folder / "object.dcm"
    path.write_bytes(encoders()[role].encode(report, context))
    return path


@every_object
def test_dciodvfy_finds_no_error(role: str, name: str, tmp_path: Path) -> None:
    assert validators.dciodvfy_errors(written(role, name, tmp_path)) == []


@every_document
def test_dcmtk_shows_what_the_report_says(role: str, name: str, tmp_path: Path) -> None:
    report, context = SITUATIONS[name]
    shown = validators.dsrdump(written(role, name, tmp_path))
    assert first_line(report)[:40] in shown
    for finding in report.findings:
        assert role == "coordinates-sr" or finding.concept.meaning in shown
    if family := context.identity.patient.name.split("^")[0][:60]:
        assert family in shown


@every_document
def test_dcmtk_renders_a_page_and_dicom3tools_a_tree(role: str, name: str, tmp_path: Path) -> None:
    report, _ = SITUATIONS[name]
    path = written(role, name, tmp_path)
    page = validators.dsr2html(path)
    assert first_line(report)[:20] in page
    assert "UNVERIFIED" in validators.dsrdump(path)
    assert first_line(report)[:40] in validators.dcsrdump(path)


@pytest.mark.slow
@pytest.mark.parametrize("role", TREES)
def test_pixelmed_finds_no_error(role: str, tmp_path: Path) -> None:
    """With a CT code: the Debian package's CID 100 is older than (43468-8, LN, "XR unspecified body region")."""
    report = replace(reports.two_algorithms_report(), procedure=code.CT_PROCEDURE)
    path = tmp_path / "object.dcm"
    path.write_bytes(encoders()[role].encode(report, a_context(predecessors=(A_PREDECESSOR,))))
    assert validators.pixelmed_errors(path) == []


def test_another_process_with_another_hash_seed_writes_the_same_bytes() -> None:
    program = (
        "import hashlib\n"
        "from dicom_nodes.objects import encoders\n"
        "from tests.support.reports import a_context, two_algorithms_report\n"
        "for role, encoder in sorted(encoders().items()):\n"
        "    print(role, hashlib.sha256(encoder.encode(two_algorithms_report(), a_context())).hexdigest())\n"
    )
    root = Path(__file__).parents[3]
    seen = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root), "TZ": f"UTC+{seed}"}
        run = subprocess.run(
            [sys.executable, "-c", program], cwd=root, env=environment, capture_output=True, text=True, check=True
        )
        seen.add(run.stdout)
    assert len(seen) == 1
