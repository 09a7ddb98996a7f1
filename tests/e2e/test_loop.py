"""An archive that auto-routes everything it stores, our results included, makes no circle (invariant 6, row 41).

`PREREAD_LOOP_S` says how long to watch; ten minutes are the acceptance, less is a smoke test.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from service.embedded import orthanc
from service.embedded.ports import choose_free
from tests.e2e.conftest import need_orthanc_and_dcmtk
from tests.support.installation import Installation, OrthancServer
from tests.support.phantoms import phantoms

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1500)]

WATCH_S = float(os.environ.get("PREREAD_LOOP_S", "10"))
STUDIES = 20
ROUTE_EVERYTHING = """
function OnStoredInstance(instanceId, tags, metadata, origin)
  SendToModality(instanceId, 'preread')
end
"""


def test_twenty_studies_stay_twenty_jobs(tmp_path: Path) -> None:
    need_orthanc_and_dcmtk()
    found = Installation(tmp_path / "installation")
    script = tmp_path / "route.lua"
    script.write_text(ROUTE_EVERYTHING)
    server = orthanc.find()
    assert server is not None
    dicom, http = choose_free(2)
    archive = orthanc.Orthanc(
        folder=tmp_path / "installation" / "orthanc",
        dicom_port=dicom,
        http_port=http,
        peers={"PREREAD": ("127.0.0.1", found.settings.scp.port)},
        options={"LuaScripts": [str(script)]},
    )
    found.archive = OrthancServer(archive, server)
    sent = phantoms(tmp_path / "phantoms", seed=501, count=STUDIES)
    with found:
        for phantom in sent:
            found.orthanc.client.upload_file(str(phantom.file))
        found.settle([phantom.study for phantom in sent], 400)
        until = time.monotonic() + WATCH_S
        while time.monotonic() < until:
            time.sleep(1)
        counts = found.services.catalogue.counts()
        records = [found.record(phantom.study) for phantom in sent]
        jobs = sum(len(record.jobs) for record in records if record)
        calls = sum(len(job.steps) for record in records if record for job in record.jobs)
        reports = sum(len(found.orthanc.reports(phantom.study)) for phantom in sent)
        analysed = sum(job.outcome == "analysed" for record in records if record for job in record.jobs)
        told = f"{jobs} jobs, {reports} SRs, {analysed} studies analysed, {calls} model calls"
        print(f"after {WATCH_S:g} s: {told}; {counts}")
        assert jobs == calls == STUDIES
        assert reports == STUDIES + analysed
        assert all(record and len(record.manifests) == 1 for record in records)
