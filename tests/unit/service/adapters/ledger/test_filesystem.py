from pathlib import Path

import pytest

from service.adapters.ledger import filesystem
from service.adapters.ledger.engine import Database
from service.adapters.ledger.filesystem import file_system, refuse_network_file
from service.domain.errors import Misconfigured

MOUNTS = r"""
overlay / overlay rw 0 0
server:/export /data nfs4 rw 0 0
/dev/sda1 /data/local ext4 rw 0 0
//nas/share /mnt/our\040share cifs rw 0 0
sshfs /mnt/ssh fuse.sshfs rw 0 0
fuse-overlayfs /home fuse.fuse-overlayfs rw 0 0
tmpfs /twice tmpfs rw 0 0
server:/export /twice nfs rw 0 0
torn
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/ledger.sqlite", "overlay"),
        ("/data/ledger.sqlite", "nfs4"),
        ("/data/local/ledger.sqlite", "ext4"),
        ("/database/ledger.sqlite", "overlay"),
        ("/mnt/our share/ledger.sqlite", "cifs"),
        ("/twice/ledger.sqlite", "nfs"),
    ],
)
def test_the_nearest_and_last_mount_holds_the_file(path: str, kind: str) -> None:
    assert file_system(Path(path), MOUNTS) == kind


@pytest.mark.parametrize("path", ["/data/x", "/mnt/our share/x", "/mnt/ssh/x", "/twice/x"])
def test_a_ledger_on_a_network_is_refused_with_a_remedy(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mounts").write_text(MOUNTS)
    monkeypatch.setattr(filesystem, "_MOUNTS", tmp_path / "mounts")
    with pytest.raises(Misconfigured, match="PostgreSQL"):
        refuse_network_file(path)


@pytest.mark.parametrize("path", ["/var/x", "/data/local/x", "/home/x"])
def test_a_ledger_on_a_disk_is_welcome(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mounts").write_text(MOUNTS)
    monkeypatch.setattr(filesystem, "_MOUNTS", tmp_path / "mounts")
    refuse_network_file(path)


def test_where_nothing_is_known_of_mounts_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystem, "_MOUNTS", tmp_path / "absent")
    refuse_network_file("/data/x")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://host/db", "postgresql+psycopg://host/db"])
def test_what_cannot_be_a_ledger_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured):
        Database(url)


def test_postgresql_is_spoken_by_the_one_driver() -> None:
    assert Database("postgresql://host/db").url.drivername == "postgresql+pg8000"


def test_the_file_belongs_to_its_owner_alone(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a)")
        modes = {file.name: oct(file.stat().st_mode)[-3:] for file in tmp_path.iterdir()}
    database.close()
    assert set(modes) >= {"ledger.sqlite", "ledger.sqlite-wal"}
    assert set(modes.values()) == {"600"}


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="absent"), Database(f"sqlite:///{tmp_path / 'absent' / 'x'}").read():
        pass


def test_sqlite_is_opened_so_that_a_commit_is_durable(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    with database.read() as connection:
        asked = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "temp_store")
        pragmas = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in asked}
    database.close()
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 10000,
        "temp_store": 2,
    }
