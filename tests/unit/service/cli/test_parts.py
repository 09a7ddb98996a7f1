"""The small parts: who holds a folder, who claimed a port, what a full disk says."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from service.cli import of_disk
from service.cli.addresses import FILE, alone, running
from service.cli.claims import Claims
from service.cli.drive import Driver, Impatient
from service.cli.files import files_under
from service.cli.fleet import environment
from service.cli.recent import Recent
from service.cli.show import harmless
from service.embedded.missing import Missing
from service.ports.services import Services
from service.settings import Settings


def test_one_supervisor_holds_a_folder(tmp_path: Path) -> None:
    said: list[str] = []
    ours = f"already runs in .*process {os.getpid()}"
    with alone(tmp_path, said.append), pytest.raises(Missing, match=ours), alone(tmp_path, said.append):
        pass
    with alone(tmp_path, said.append):
        pass
    assert said == []
    assert not list(tmp_path.iterdir())


def test_whoever_waited_for_a_folder_holds_the_file_that_is_there(tmp_path: Path) -> None:
    """The former holder takes its file away when it ends; a lock on that one would keep nobody out."""
    former = (tmp_path / FILE).open("w")
    fcntl.flock(former, fcntl.LOCK_EX)

    def ends(text: str) -> None:
        (tmp_path / FILE).unlink()
        former.close()

    with alone(tmp_path, ends), pytest.raises(Missing), alone(tmp_path, print):
        pass


def test_addresses_are_known_as_long_as_somebody_holds_the_folder(tmp_path: Path) -> None:
    plain = Settings(data=tmp_path)
    given = plain.model_copy(
        update={"broker": "redis+socket:///r", "models": plain.models.model_copy(update={"url": "127.0.0.1:1"})}
    )
    assert running(plain) == plain
    with alone(tmp_path, print) as held:
        assert running(plain) == plain
        held.post(given)
        assert running(plain) == given
        own = plain.model_copy(update={"broker": "redis://site"})
        assert running(own).broker == "redis://site"
    assert running(plain) == plain


def test_addresses_of_a_supervisor_that_was_killed_are_not_believed(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"pid": 1, "broker": "redis+socket:///gone", "models_url": "127.0.0.1:1"}')
    assert running(Settings(data=tmp_path)).broker == ""


def test_the_environment_of_a_process_gives_the_same_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, scp={"port": 4711}, models={"repositories": ["/a", "/b"]})  # type: ignore[arg-type]
    for name, value in environment(settings, {}).items():
        monkeypatch.setenv(name, value)
    assert Settings.load().model_dump() == settings.model_dump()


def test_a_claimed_port_is_left_to_whoever_claimed_it(tmp_path: Path) -> None:
    one, other = Claims(tmp_path), Claims(tmp_path)
    port = one.near(19000)
    assert other.near(19000) != port
    with pytest.raises(Missing, match=f"Port {port} .DICOM. is in use .* --scp-port=NUMBER"):
        other.exactly(port, "--scp-port", "DICOM")
    one.close()
    assert other.exactly(port, "--scp-port", "DICOM") == port
    other.close()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/d/ledger"),
            "the disk is full (/d/ledger): free some space",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full: free some space"),
        (PermissionError(errno.EACCES, "Permission denied", "/d"), "Permission denied (/d): choose another place"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), ""),
    ],
)
def test_a_disk_that_cannot_be_written_is_one_sentence(error: OSError, sentence: str) -> None:
    assert of_disk(error).startswith(sentence)
    assert bool(of_disk(error)) == bool(sentence)


def test_a_header_commands_no_terminal() -> None:
    assert harmless("Müller\x1b[2J\x07\n\tx") == "Müller\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}\n\tx"


def test_files_are_found_in_order_and_hidden_ones_are_not(tmp_path: Path) -> None:
    for name in ("b", "a/c", ".DS_Store"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert files_under(tmp_path) == [tmp_path / "a" / "c", tmp_path / "b"]
    assert files_under(tmp_path / "b") == [tmp_path / "b"]


def test_a_recent_answer_is_not_asked_for_again() -> None:
    answers = iter((1, 2))
    kept, fresh = Recent(lambda: next(answers), seconds=60), Recent(lambda: next(answers), seconds=0)
    assert (kept(), kept(), fresh()) == (1, 1, 2)


class NeverStarted(Driver):
    """A demo none of whose processes comes up."""

    def _wait_for_parts(self) -> None:
        raise Impatient("the receiver did not come up")


@pytest.mark.parametrize("once", [True, False])
def test_a_demo_whose_parts_do_not_come_up_ends_and_says_why(
    once: bool, services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    ended: list[bool] = []
    driver = NeverStarted(
        services, None, None, engine="", once=once, started=lambda: True, finished=lambda: ended.append(True)  # type: ignore[arg-type]
    )  # fmt: skip
    driver.run()
    assert (driver.exit_code, ended) == (1, [True])
    assert "the receiver did not come up" in capsys.readouterr().out
