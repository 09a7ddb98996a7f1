"""The operator's verbs on an installation that runs, and `preread run` on files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from dicom_nodes.send import send
from service.cli.fleet import environment, preread
from service.embedded.ports import choose_free
from tests.support.installation import REPOSITORY, Installation
from tests.support.phantoms import dcmsend, phantoms
from tests.support.waiting import wait_for

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(600),
    # pynetdicom leaves its socket open when a connection is refused, which is what a receiver does that is not up yet.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

Done = subprocess.CompletedProcess[str]


def call(found: Installation, *words: str) -> Done:
    """`preread WORDS` in another shell: it knows the data folder and the ports, and nothing else."""
    return subprocess.run(
        preread(*words), env=environment(found.settings), capture_output=True, text=True, timeout=120, check=False
    )


def test_a_study_is_followed_repeated_and_sent_again(installation: Installation, folder: Path) -> None:
    (phantom,) = phantoms(folder / "phantoms", seed=821, count=1)
    dcmsend([phantom.file], installation)
    installation.settle([phantom.study])
    assert phantom.study in call(installation, "studies", "--state", "done").stdout
    (job,) = _of(phantom.study, call(installation, "jobs", "list", "--json"))
    deliveries = _of(phantom.study, call(installation, "deliveries", "list", "--state", "SENT", "--json"))
    assert len(deliveries) == 2
    assert call(installation, "deliveries", "retry", str(deliveries[0]["delivery"])).returncode == 0
    assert call(installation, "jobs", "replay", str(job["job"])).returncode == 0
    wait_for(lambda: _issued(installation, phantom.study) == 4, 120, "the replay gives no second pair of results")
    installation.settle([phantom.study])
    evidence = json.loads(call(installation, "evidence", phantom.study, "--json").stdout)
    assert [kept["job"]["run_number"] for kept in evidence["jobs"]] == [1, 2]


def test_check_doctor_and_nodes_know_where_the_embedded_parts_listen(installation: Installation) -> None:
    checked: list[Done] = []

    def content() -> bool:
        checked.append(call(installation, "check"))
        return checked[-1].returncode == 0

    wait_for(content, 120, "check is not content")
    assert checked[-1].stdout.startswith("PREREAD OK - ")
    doctor = call(installation, "doctor", "--json")
    states = {line["what"]: line["state"] for line in map(json.loads, doctor.stdout.splitlines())}
    assert doctor.returncode == 0, states
    assert {states[part] for part in ("broker", "models", "ledger", "processes")} == {"ok"}
    echoed = call(installation, "nodes", "echo", "--json")
    assert (echoed.returncode, json.loads(echoed.stdout)["up"]) == (0, True)


def test_a_second_up_is_refused_on_the_same_folder_and_on_the_same_port(
    installation: Installation, folder: Path
) -> None:
    again = call(installation, "up")
    assert again.returncode == 1
    assert f"preread already runs in {installation.settings.data}" in again.stderr
    variables = {**environment(installation.settings), "PREREAD_DATA": str(folder / "other")}
    command = preread("up", "--config", str(REPOSITORY / "deploy" / "examples" / "site"))
    other = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120, check=False)
    assert other.returncode == 1
    assert f"Port {installation.settings.scp.port} (DICOM) is in use by another program" in other.stderr
    assert "PREREAD_SCP__PORT=NUMBER" in other.stderr
    assert "Traceback" not in other.stderr


def test_a_process_whose_port_is_taken_ends_with_one_sentence(installation: Installation) -> None:
    scp, web = call(installation, "scp"), call(installation, "web")
    assert (scp.returncode, web.returncode) == (2, 1)
    assert "The receiver cannot listen on 127.0.0.1" in scp.stderr
    assert f"Port {installation.settings.web.port} (pages) is in use by another program" in web.stderr
    assert "Traceback" not in scp.stderr + web.stderr


def test_run_reads_files_without_any_server(folder: Path) -> None:
    for phantom in phantoms(folder / "in", seed=822, count=1, noise=1):
        assert phantom.file.is_file()
    (folder / "in" / "truth.json").unlink()
    (folder / "in" / "README").write_text("no DICOM")
    command = preread("run", str(folder / "in"), "--out", str(folder / "out"))
    done = subprocess.run(command, env=_plain(folder), capture_output=True, text=True, timeout=200, check=False)
    lines = {Path(line["file"]).name: line for line in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 3, done.stderr
    assert lines.pop("README") == {
        "file": str(folder / "in" / "README"), "state": "unreadable", "reason": "It is no DICOM object.",
        "study": "", "results": [],
    }  # fmt: skip
    assert {line["state"] for line in lines.values()} <= {"read", "not analysed"}
    assert "read" in {line["state"] for line in lines.values()}
    assert all(line["reason"] for line in lines.values() if line["state"] != "read")
    assert list((folder / "out").glob("*.dcm"))
    assert not list((folder / "tmp").iterdir()), "patient data was left in the temporary folder"


def test_run_exits_0_if_every_file_was_read(folder: Path) -> None:
    shutil.copy(REPOSITORY / "deploy" / "examples" / "chest" / "phantom.dcm", folder)
    command = preread("run", str(folder / "phantom.dcm"), "--out", str(folder / "out"))
    done = subprocess.run(command, env=_plain(folder), capture_output=True, text=True, timeout=200, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    line = json.loads(done.stdout)
    assert (line["state"], line["reason"]) == ("read", "")
    assert sorted(line["results"]) == sorted(file.name for file in (folder / "out").glob("*.dcm"))
    assert len(line["results"]) == 2


def test_run_writes_what_a_rule_in_shadow_reads_and_says_so(folder: Path) -> None:
    example = REPOSITORY / "deploy" / "examples" / "demo" / "rules.toml"
    (folder / "rules.toml").write_text(example.read_text().replace('mode = "live"', 'mode = "shadow"'))
    phantom = REPOSITORY / "deploy" / "examples" / "chest" / "phantom.dcm"
    command = preread("run", str(phantom), "--out", str(folder / "out"), "--rules", str(folder / "rules.toml"))
    done = subprocess.run(command, env=_plain(folder), capture_output=True, text=True, timeout=200, check=False)
    line = json.loads(done.stdout)
    assert (done.returncode, line["state"], line["reason"]) == (0, "read", "rule radiographs is in shadow")
    assert {file.name for file in (folder / "out").glob("*.dcm")} == set(line["results"])
    assert len(line["results"]) == 2


NODES = """
[[source]]
name = "sender"
ae_title = "SENDER"
networks = ["127.0.0.0/8"]
quiet = "1s"

[[destination]]
name = "archive"
url = "{out}"
"""


def test_what_comes_while_broker_and_models_are_away_is_kept_and_read_later(folder: Path) -> None:
    (phantom,) = phantoms(folder / "phantoms", seed=823, count=1)
    (port,) = choose_free(1)
    variables = {
        **_plain(folder),
        "PREREAD_DATA": str(folder / "data"),
        "PREREAD_SCP__PORT": str(port),
        "PREREAD_BROKER": f"redis+socket://{folder / 'no-redis.sock'}",
        "PREREAD_MODELS__URL": f"unix:{folder / 'engine.sock'}",
    }
    (folder / "config").mkdir()
    shutil.copy(REPOSITORY / "deploy" / "examples" / "demo" / "rules.toml", folder / "config")
    (folder / "config" / "nodes.toml").write_text(NODES.format(out=(folder / "out").as_uri()))
    subprocess.run(preread("config", "apply", str(folder / "config")), env=variables, check=True)
    with ExitStack() as stack, (folder / "log").open("wb") as log:

        def start(*command: str) -> None:
            process = stack.enter_context(subprocess.Popen(command, env=variables, stdout=log, stderr=log))
            stack.callback(process.terminate)

        start(*preread("scp"))
        start(*preread("sweep"))
        wait_for(lambda: _sent(phantom.file, port), 120, "the receiver does not come up without its broker")
        wait_for(lambda: _jobs(variables), 120, "the study is not handed over")
        assert _jobs(variables)[0]["state"] != "COMPLETED"
        models = REPOSITORY / "triton_models"
        start(sys.executable, str(models / "engine" / "local.py"), "--repository", str(models),
              "--socket", str(folder / "engine.sock"))  # fmt: skip
        wait_for(lambda: _jobs(variables)[0]["outcome"] == "analysed", 180, "the study is not read later")
        wait_for(lambda: len(list((folder / "out").glob("*.dcm"))) == 2, 120, "its results are not delivered")


def _sent(file: Path, port: int) -> bool:
    (answer,) = send([file], host="127.0.0.1", port=port, called_ae="PREREAD", calling_ae="SENDER")
    return answer.stored


def _jobs(variables: dict[str, str]) -> list[dict[str, object]]:
    done = subprocess.run(
        preread("jobs", "list", "--json"), env=variables, capture_output=True, text=True, timeout=120, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def _plain(folder: Path) -> dict[str, str]:
    """An environment in which nothing is configured, with a temporary folder of its own."""
    (folder / "tmp").mkdir(exist_ok=True)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PREREAD_") or k == "PREREAD_CACHE"}
    return {**kept, "TMPDIR": str(folder / "tmp")}


def _of(study: str, done: Done) -> list[dict[str, object]]:
    return [row for row in map(json.loads, done.stdout.splitlines()) if row["study"] == study]


def _issued(found: Installation, study: str) -> int:
    record = found.record(study)
    return len(record.objects) if record else 0
