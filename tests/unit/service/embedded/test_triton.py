"""The embedded Triton: why it cannot run here, and how it is started where it can."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from service.embedded.triton import Host, Ports, Triton, complete, fails_to_start, shared_memory_prefix, why_not

DEBIAN_12 = Host(system="Linux", machine="x86_64", glibc=(2, 36), python=(3, 11), shared_memory=True)
TRITON = Triton(home=Path("/cache/tritonserver"), libpython=Path("/usr/lib/x"))
PORTS = Ports(http=8000, grpc=8001, metrics=8002)


def line() -> list[str]:
    found = TRITON.command(
        repositories=[Path("/models"), Path("/site")], models=["chest", "head"], ports=PORTS, log=Path("/t.log")
    )
    return list(found)


def test_nothing_speaks_against_it_on_debian_12() -> None:
    assert why_not(DEBIAN_12) is None


@pytest.mark.parametrize(
    ("host", "words"),
    [
        (replace(DEBIAN_12, system="Darwin", machine="arm64"), "this is Darwin arm64"),
        (replace(DEBIAN_12, machine="aarch64"), "this is Linux aarch64"),
        (replace(DEBIAN_12, glibc=None), "GNU C library"),
        (replace(DEBIAN_12, glibc=(2, 34)), "2.35 or newer; this system has 2.34"),
        (replace(DEBIAN_12, python=(3, 13)), "this is 3.13"),
        (replace(DEBIAN_12, shared_memory=False), "/dev/shm"),
    ],
)
def test_what_speaks_against_it_is_one_sentence(host: Host, words: str) -> None:
    said = why_not(host)
    assert said is not None
    assert words in said
    assert said.endswith(".")
    assert "\n" not in said


def test_it_listens_on_loopback_alone() -> None:
    assert {word for word in line() if "-address=" in word} == {
        "--http-address=127.0.0.1",
        "--grpc-address=127.0.0.1",
        "--metrics-address=127.0.0.1",
    }
    assert {"--http-port=8000", "--grpc-port=8001", "--metrics-port=8002"} <= set(line())


def test_it_loads_the_named_models_out_of_every_repository() -> None:
    assert [word for word in line() if word.startswith("--model-repository")] == [
        "--model-repository=/models",
        "--model-repository=/site",
    ]
    assert {"--model-control-mode=explicit", "--load-model=chest", "--load-model=head"} <= set(line())


def test_one_broken_model_does_not_take_the_others_along() -> None:
    assert "--exit-on-error=false" in line()


def test_two_servers_on_one_machine_share_no_memory() -> None:
    assert f"--backend-config=python,shm-region-prefix-name={shared_memory_prefix(PORTS)}" in line()
    assert shared_memory_prefix(PORTS) != shared_memory_prefix(PORTS._replace(grpc=9001))


def test_the_stub_is_led_to_our_packages_and_to_libpython() -> None:
    environ = TRITON.environment({"PATH": "/bin", "PYTHONPATH": "/x", "LD_LIBRARY_PATH": "/y"})
    assert environ["LD_LIBRARY_PATH"] == os.pathsep.join(("/usr/lib/x", "/y"))
    assert "site-packages" in environ["PREREAD_SITE_PACKAGES"] or "dist-packages" in environ["PREREAD_SITE_PACKAGES"]
    assert "PYTHONPATH" not in environ
    assert environ["PATH"] == "/bin"


def test_no_model_sends_telemetry_or_finds_a_gpu() -> None:
    environ = TRITON.environment({"CUDA_VISIBLE_DEVICES": "0"})
    assert (environ["ORT_DISABLE_TELEMETRY"], environ["CUDA_VISIBLE_DEVICES"]) == ("1", "")


def test_models_that_were_asked_to_run_on_a_gpu_may_see_it() -> None:
    environ = TRITON.environment({"CUDA_VISIBLE_DEVICES": "0"}, device="cuda")
    assert (environ["PREREAD_MODELS__DEVICE"], environ["CUDA_VISIBLE_DEVICES"]) == ("cuda", "0")


def test_programs_that_start_are_nothing_to_talk_about() -> None:
    said = {
        "tritonserver": "Usage: tritonserver [options]",
        TRITON.stub.name: "Expected 9 arguments, found 1 arguments.",
    }
    assert fails_to_start(TRITON, probe=lambda command, environ: said[Path(command[0]).name]) is None


def test_a_missing_library_is_told_in_one_sentence() -> None:
    def probe(command: Sequence[str], environ: Mapping[str, str]) -> str:
        return "error while loading shared libraries: libstdc++.so.6" if "stub" in command[0] else "Usage"

    said = fails_to_start(TRITON, probe=probe)
    assert said is not None
    assert said.startswith("Triton's triton_python_backend_stub does not start here (error while loading")
    assert "libstdc++.so.6" in said


def test_an_unpacked_wheel_is_completed_with_the_stub_of_our_python(tmp_path: Path) -> None:
    triton = Triton(home=tmp_path / "pytriton" / "tritonserver", libpython=tmp_path)
    for folder in (triton.server.parent, triton.stub.parent):
        folder.mkdir(parents=True)
    triton.server.write_text("")
    for minor in range(8, 14):
        stub = triton.home / "python_backend_stubs" / f"3.{minor}" / triton.stub.name
        stub.parent.mkdir(parents=True)
        stub.write_text(str(minor))
    complete(tmp_path, python=(3, 11))
    assert triton.stub.read_text() == "11"
    assert os.access(triton.stub, os.X_OK)
    assert os.access(triton.server, os.X_OK)
