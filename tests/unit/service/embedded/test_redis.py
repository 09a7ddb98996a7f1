"""The embedded Redis: a socket, no port, no eviction."""

from pathlib import Path

import pytest

from service.embedded import redis


def words(persist: bool = False) -> dict[str, str]:
    line = redis.command(Path("/bin/redis-server"), socket=Path("/run/r.sock"), folder=Path("/data"), persist=persist)
    assert line[0] == "/bin/redis-server"
    return dict(zip(line[1::2], line[2::2], strict=True))


def test_it_listens_on_a_socket_alone() -> None:
    assert (words()["--port"], words()["--unixsocket"], words()["--unixsocketperm"]) == ("0", "/run/r.sock", "700")


def test_it_refuses_rather_than_evicts() -> None:
    assert words()["--maxmemory-policy"] == "noeviction"


@pytest.mark.parametrize(("persist", "appendonly"), [(True, "yes"), (False, "no")])
def test_it_writes_to_disk_only_when_asked(persist: bool, appendonly: str) -> None:
    assert words(persist)["--appendonly"] == appendonly
    assert words(persist)["--save"] == ""


def test_the_systems_own_server_comes_first(tmp_path: Path) -> None:
    installed = {"redis-server": "/usr/bin/redis-server", "valkey-server": "/usr/bin/valkey-server"}
    assert redis.find(tmp_path, print, which=installed.get) == Path("/usr/bin/redis-server")
    del installed["redis-server"]
    assert redis.find(tmp_path, print, which=installed.get) == Path("/usr/bin/valkey-server")
