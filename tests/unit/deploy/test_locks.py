"""The lock files, as texts: what an environment gets, and that it gets exactly one pair of runtimes."""

from __future__ import annotations

import re

import pytest

from tests.unit.deploy.repository import ROOT

CPU = {"onnxruntime", "onnxruntime-genai"}
GPU = {"onnxruntime-gpu", "onnxruntime-genai-cuda"}
PAIR = {"requirements.lock": CPU, "requirements-test.lock": CPU, "requirements-gpu.lock": GPU}
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)( ;[^\\]*)?", re.MULTILINE)

every_lock = pytest.mark.parametrize("lock", PAIR)


def text_of(lock: str) -> str:
    return (ROOT / lock).read_text(encoding="utf-8")


def pins(lock: str) -> dict[str, set[tuple[str, str]]]:
    """Versions and markers by package: one that differs between Pythons has several."""
    found: dict[str, set[tuple[str, str]]] = {}
    for name, version, marker in PIN.findall(text_of(lock)):
        found.setdefault(name, set()).add((version, marker.strip()))
    return found


@every_lock
def test_a_lock_has_exactly_one_pair_of_runtimes_for_every_machine(lock: str) -> None:
    found = pins(lock)
    assert found.keys() & (CPU | GPU) == PAIR[lock]
    for name in PAIR[lock]:
        [(_, marker)] = found[name]
        assert not marker


@every_lock
def test_every_package_of_a_lock_has_its_hashes(lock: str) -> None:
    entries = re.split(r"^(?=\S)", text_of(lock), flags=re.MULTILINE)[1:]
    assert len(entries) > 50
    for entry in entries:
        first, *hashes = entry.splitlines()
        assert PIN.match(first), first
        assert hashes, first
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in hashes), first


@every_lock
def test_a_lock_names_no_place_to_fetch_from(lock: str) -> None:
    assert not re.search(r"://|^-|index-url|find-links|file:| @ ", text_of(lock), re.MULTILINE)


@pytest.mark.parametrize("other", ["requirements-test.lock", "requirements-gpu.lock"])
def test_what_locks_share_has_the_same_versions(other: str) -> None:
    ours, theirs = pins("requirements.lock"), pins(other)
    assert ours.keys() - theirs.keys() <= CPU
    assert {name: theirs[name] for name in ours.keys() & theirs.keys()} == {
        name: ours[name] for name in ours.keys() & theirs.keys()
    }


def test_the_gpu_lock_differs_in_its_pair_alone_and_has_its_versions() -> None:
    ours, gpu = pins("requirements.lock"), pins("requirements-gpu.lock")
    assert gpu.keys() ^ ours.keys() == CPU | GPU
    assert gpu["onnxruntime-gpu"] == ours["onnxruntime"]
    assert gpu["onnxruntime-genai-cuda"] == ours["onnxruntime-genai"]
