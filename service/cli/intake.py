"""Take DICOM files in without a network: the same `receive` as the SCP's, one association per call."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from service.domain.errors import PrereadError, Unreadable
from service.flow.receive import receive
from service.ports.ledger import Admission, Association
from service.ports.services import Services

SOURCE = "files"


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """What became of one file at the door."""

    file: Path
    study_instance_uid: str = ""
    sop_instance_uid: str = ""
    admission: Admission | None = None
    reason: str = ""


def take_in(files: Iterable[Path], services: Services) -> list[Taken]:
    """Receive every file into spool and ledger; a file that cannot be taken is named, the others go on."""
    now = services.clock.now()
    association = Association(
        association_id="files", source=SOURCE, calling_ae_title="FILES", address="127.0.0.1", opened_at=now
    )
    services.ledger.open_association(association)
    taken = [_take(file, association, services) for file in files]
    services.ledger.close_association("files", how="released", at=services.clock.now())
    return taken


def _take(file: Path, association: Association, services: Services) -> Taken:
    try:
        part10 = file.read_bytes()
        header = services.headers.read(BytesIO(part10))
        with services.spool.incoming() as incoming:
            incoming.write(part10)
            admission = receive(
                incoming,
                association,
                spool=services.spool,
                ledger=services.ledger,
                headers=services.headers,
                configuration=lambda: services.configurations.active().configuration,
                clock=services.clock,
            )
    except (PrereadError, OSError) as error:
        kind = "unreadable" if isinstance(error, Unreadable) else "failed"
        return Taken(file=file, reason=f"{kind}: {error}")
    return Taken(
        file=file,
        study_instance_uid=header.instance.study_instance_uid,
        sop_instance_uid=header.instance.sop_instance_uid,
        admission=admission,
    )
