"""A canary patient goes through everything and is found nowhere but in ledger and spool (invariant 11, row 37)."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

import pytest
from pydicom import dcmread
from redis import Redis
from redis.exceptions import RedisError

from dicom_nodes.part10 import skip_file_meta
from service.domain.event import EventKind
from service.flow.store_status import StoreStatus
from tests.e2e.conftest import need_orthanc_and_dcmtk
from tests.support.installation import Installation
from tests.support.phantoms import dcmsend, phantoms
from tests.support.senders import associated, command, p_data, receive_pdu, status_in

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

CANARIES = ("Zkanarienvogel", "ZCANARYID77", "ZCANARYACC9")


def test_the_canary_is_found_nowhere_else(tmp_path: Path) -> None:
    need_orthanc_and_dcmtk()
    (phantom,) = phantoms(tmp_path / "phantoms", seed=701, count=1)
    dataset = dcmread(phantom.file)
    dataset.PatientName, dataset.PatientID, dataset.AccessionNumber = f"{CANARIES[0]}^Karl", CANARIES[1], CANARIES[2]
    file = tmp_path / "canary.dcm"
    dataset.save_as(file)
    with Installation(tmp_path / "installation") as found:
        url = found.running_settings().broker_url.replace("redis+socket://", "unix://")
        with Redis.from_url(url) as redis:
            heard: list[str] = []
            ears = threading.Thread(target=_listen, args=(url, heard), daemon=True)
            ears.start()
            dcmsend([file], found)
            found.settle([phantom.study])
            assert _send_cut_off(file, found.settings.scp.port) == StoreStatus.CANNOT_UNDERSTAND
            stored = b"".join(redis.dump(key) or b"" for key in redis.keys("*"))
        record = found.record(phantom.study)
        assert record is not None
        assert record.row.identity.patient.patient_id == CANARIES[1]
        events = found.services.catalogue.recent_events(limit=1000)
        assert [event.kind for event in events].count(EventKind.QUARANTINED) == 1
        places = {
            "broker, every command": "\n".join(heard),
            "broker, every key": repr(stored),
            "metrics": found.get("/metrics"),
            "health": found.get("/readyz"),
            "events": "\n".join(event.text for event in events),
            "page titles": "\n".join(_titles(found, ["/", "/studies", f"/studies/{phantom.study}"])),
            "operations page": found.get("/operations"),
            "audit record": repr(found.services.trail.recent(limit=1000)),
        }
    for log in (tmp_path / "installation").rglob("*.log"):
        places[f"log {log.name}"] = log.read_text(errors="replace")
    assert "drain" in places["broker, every command"], "nothing was heard on the broker: the test proves nothing"
    assert "cannot be read" in places["operations page"], "nothing is said of the quarantined object"
    assert "1 study listed" in places["audit record"], "the look at the studies left no trace"
    found_in = [(canary, place) for place, text in places.items() for canary in CANARIES if canary in text]
    assert found_in == []
    print(f"{len(CANARIES)} canaries, {len(places)} places, 0 found: {', '.join(places)}")


def _send_cut_off(file: Path, port: int) -> int | None:
    """Send the object as if it ended in the element after PatientID, every canary in it; returns the status."""
    dataset = dcmread(file)
    with file.open("rb") as part10:
        skip_file_meta(part10)
        whole = part10.read()
    cut = whole[: whole.index(CANARIES[1].encode()) + len(CANARIES[1]) + 4]
    assert all(canary.encode() in cut for canary in CANARIES)
    sop_class, sop_instance = dataset.SOPClassUID.encode(), dataset.SOPInstanceUID.encode()
    syntax = dataset.file_meta.TransferSyntaxUID.encode()
    with associated(port, abstract=sop_class, syntax=syntax, calling=b"SENDER") as peer:
        peer.sendall(p_data(1, 3, command(sop_class=sop_class, sop_instance=sop_instance)) + p_data(1, 2, cut))
        return status_in(receive_pdu(peer))


def _listen(url: str, heard: list[str]) -> None:
    with suppress(RedisError, OSError), Redis.from_url(url) as redis, redis.monitor() as monitor:
        for command in monitor.listen():
            heard.append(str(command))


def _titles(found: Installation, paths: list[str]) -> list[str]:
    pages = [found.get(path) for path in paths]
    return [page.split("<title>")[1].split("</title>")[0] for page in pages]
