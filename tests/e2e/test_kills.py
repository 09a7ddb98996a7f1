"""kill -9 of every process at random moments: one result per study, whatever dies (reliability rows 1, 3, 4, 43).

`PREREAD_KILL_SEED` chooses other moments; the seed, the kills and the counts are printed.
"""

from __future__ import annotations

import hashlib
import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from redis import Redis
from redis.exceptions import RedisError

from dicom_nodes.send import send
from service.ports.catalogue import ResultObject
from tests.contract.ledger.postgresql import Cluster
from tests.e2e.conftest import need_orthanc_and_dcmtk
from tests.support.installation import Installation
from tests.support.phantoms import Phantom, phantoms
from tests.support.waiting import wait_for

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    # pynetdicom leaves its socket open when a connection is refused, which is what a killed receiver does.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SEED = int(os.environ.get("PREREAD_KILL_SEED", "41"))
VICTIMS = ("reader", "sender", "redis", "triton", "stub", "scp", "web", "sweep")
COME_BACK_BY_THEMSELVES = frozenset(VICTIMS) - {"stub"}
"""Triton leaves a model's dead process so; the next question has it started anew."""
KILLS_EACH = int(os.environ.get("PREREAD_KILLS_EACH", "1"))
STUDIES = 20


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """The URL of an empty database on a cluster of our own."""
    if problem := Cluster.problem():
        pytest.skip(problem)
    with Cluster() as cluster:
        yield cluster.create("kills")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_whatever_is_killed_each_study_has_one_result(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    need_orthanc_and_dcmtk()
    url = request.getfixturevalue("postgresql") if kind == "postgresql" else ""
    dice = random.Random(f"{SEED} {kind}")
    sent = phantoms(tmp_path / "phantoms", seed=SEED, count=STUDIES)
    with Installation(tmp_path / "installation", database=url) as found:
        plan = [victim for victim in VICTIMS for _ in range(KILLS_EACH)] + ["flush"]
        dice.shuffle(plan)
        recoveries = _send_and_kill(sent, plan, dice, found)
        settled_s = found.settle([phantom.study for phantom in sent], 400)
        print(f"{kind}, seed {SEED}: kills {dict(Counter(plan))}; longest recovery {max(recoveries):.1f} s, "
              f"settled {settled_s:.1f} s after the last kill")  # fmt: skip
        _judge(sent, found)


def _send_and_kill(sent: list[Phantom], plan: list[str], dice: random.Random, found: Installation) -> list[float]:
    """Send one study after the other, killing in between at random moments; returns seconds to recover."""
    moments = sorted(dice.sample(range(STUDIES), len(plan)) if len(plan) <= STUDIES else
                     [dice.randrange(STUDIES) for _ in plan])  # fmt: skip
    recoveries = []
    for number, phantom in enumerate(sent):
        _insist(phantom, found)
        for victim in [name for moment, name in zip(moments, plan, strict=True) if moment == number]:
            time.sleep(dice.uniform(0, 1.5))
            begun = time.monotonic()
            _strike(victim, found)
            recoveries.append(_until_back(victim, found, begun))
    return recoveries


def _insist(phantom: Phantom, found: Installation) -> None:
    """Send until Success: a refused or broken association is the sender's to repeat."""
    scp = found.settings.scp

    def stored() -> bool:
        (answer,) = send([phantom.file], host="127.0.0.1", port=scp.port, called_ae=scp.ae_title, calling_ae="SENDER")
        return answer.stored

    wait_for(stored, 180, "never stored")


def _strike(victim: str, found: Installation) -> None:
    if victim != "flush":
        found.kill(victim)
        return
    url = found.running_settings().broker_url.replace("redis+socket://", "unix://")
    with suppress(RedisError, OSError), Redis.from_url(url) as redis:  # a dead one is flushed enough
        redis.flushall()


def _until_back(victim: str, found: Installation, begun: float) -> float:
    while victim in COME_BACK_BY_THEMSELVES and not found.named(victim):
        assert time.monotonic() - begun < 180, f"{victim} did not come back"
        time.sleep(0.1)
    return time.monotonic() - begun


def _judge(sent: list[Phantom], found: Installation) -> None:
    """Per study: one finished attempt, one UID per role, and under each UID in the archive what the ledger
    recorded (reliability row 43). How often models were asked in vain is not counted, only the steps that were kept.
    """
    steps = attempts = 0
    for phantom in sent:
        record = found.record(phantom.study)
        assert record is not None
        (job,) = record.jobs
        assert not any(word in job.job.reason for word in ("away", "deadline", "worker", "lease")), job.job.reason
        made = Counter(result.role for result in record.objects)
        roles = ("basic-text-sr", "tid1500") if job.outcome in {"analysed", "partial"} else ("basic-text-sr",)
        assert made == Counter(roles), record.events
        steps += sum(len(job.steps) for job in record.jobs)
        attempts += sum(delivery.delivery.attempt for delivery in record.deliveries)
        reports = found.orthanc.reports(phantom.study)
        assert sorted(Counter(str(report.SOPClassUID) for report in reports).values()) == [1] * len(roles)
        _same_contents(record.objects, reports, found)
        finished = [event for event in record.events if event.text.startswith("finished")]
        assert len(finished) == 1
    print(f"{len(sent)} studies: steps kept {steps}, delivery attempts {attempts}")


def _same_contents(results: Sequence[ResultObject], reports: Sequence[Dataset], found: Installation) -> None:
    """One UID, one content: what the archive holds is what the ledger recorded.

    The recorded digest is that of the spool's bytes; their dataset is the archive's. Orthanc writes a file meta
    of its own and may write lengths in another way, so that datasets are compared and not bytes.
    """
    archived = {str(report.SOPInstanceUID): report for report in reports}
    assert archived.keys() == {str(result.sop_instance_uid) for result in results}
    for result in results:
        with found.services.spool.open(result.location) as file:
            part10 = file.read()
        assert hashlib.sha256(part10).hexdigest() == result.sha256
        assert dcmread(BytesIO(part10)) == archived[result.sop_instance_uid]
