"""compose.yaml and compose.gpu.yaml, held against what they start: no container engine runs in the tests."""

from __future__ import annotations

import re
import subprocess
import tomllib
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from service.adapters.broker import NOEVICTION
from service.cli.app import app
from service.cli.fleet import model_names
from service.settings import Settings, as_environment
from tests.unit.deploy.repository import (
    COMPOSE,
    DEPLOY,
    DOCKERFILE,
    GPU,
    ROOT,
    VARIABLE,
    defaulted,
    files_under,
    ours,
    read_yaml,
    services,
)

ELSEWHERE = {
    "PREREAD_SETTINGS": "service/cli/app.py",
    "PREREAD_SITE_PACKAGES": "triton_models/chest_demo/1/model.py",
}
"""Variables that are no setting, and the file that reads them."""
DEPLOYED = (COMPOSE, GPU, DOCKERFILE, *files_under(DEPLOY / "docker"))


@cache
def every_command() -> Any:
    """What `preread` runs; made once, which takes a while."""
    return get_command(app)


def command_of(words: list[str]) -> Any:
    """The command that `preread WORDS` runs; fails the test where there is none. (Typer brings a Click of its own.)"""
    command: Any = every_command()
    for word in words:
        if not hasattr(command, "get_command") or word.startswith("-"):
            break
        found = command.get_command(None, word)
        assert found is not None, f"preread has no {word!r}"
        command = found
    return command


@pytest.mark.parametrize("file", [COMPOSE, GPU], ids=lambda file: file.name)
def test_a_compose_file_is_yaml_with_services(file: Path) -> None:
    assert read_yaml(file)["services"]


@pytest.mark.parametrize("file", DEPLOYED, ids=lambda file: file.name)
def test_every_variable_is_a_setting_or_read_by_a_file_of_ours(file: Path) -> None:
    known = set(as_environment(Settings()))
    for name in set(VARIABLE.findall(file.read_text(encoding="utf-8"))) - known:
        assert name in ELSEWHERE, f"{name} is no setting"
        assert name in (ROOT / ELSEWHERE[name]).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ours())
def test_the_environment_of_a_process_makes_settings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in ours()[name]["environment"].items():
        if variable != "PREREAD_SETTINGS":
            monkeypatch.setenv(variable, defaulted(value))
    settings = Settings.load()
    assert settings.models.url == "triton:8001"
    assert settings.scp.host == settings.web.host == "0.0.0.0"


@pytest.mark.parametrize("name", ours())
def test_every_process_runs_a_command_that_exists(name: str) -> None:
    service = ours()[name]
    if "entrypoint" in service:
        lines = [line.split() for line in service["command"][0].split("&&")]
        assert all(words[0] == "preread" for words in lines)
    else:
        lines = [["preread", *service["command"]]]
    for words in lines:
        command = command_of(words[1:])
        options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        assert {word for word in words if word.startswith("--")} <= options


def test_every_process_of_an_installation_has_its_service() -> None:
    commands = {tuple(service["command"]) for service in ours().values()}
    assert {("scp",), ("sweep",), ("web",)} < commands
    assert {("worker", "--lane", lane) for lane in ("read", "deliver")} < commands


@pytest.mark.parametrize("file", [COMPOSE, GPU, DOCKERFILE], ids=lambda file: file.name)
def test_every_image_is_pinned_by_a_full_version(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    images = re.findall(r"(?:^\s*image:|^FROM)\s+(\S+)", text, re.MULTILINE)
    assert images
    for image in images:
        tag = image.rpartition(":")[2]
        assert re.match(r"\d+\.\d+", tag), f"{image} is not pinned"
        assert "latest" not in tag


def test_our_images_carry_our_version() -> None:
    ours_at = version("preread")
    for file in (COMPOSE, GPU, DOCKERFILE):
        tags = re.findall(r"preread(?:-triton)?:(\d+(?:\.\d+)+)", file.read_text(encoding="utf-8"))
        assert set(tags) == {ours_at}, file


def test_triton_is_the_release_of_the_client_library() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    client = re.search(r"^tritonclient==(\S+)", lock, re.MULTILINE)
    assert client is not None
    assert f"# Triton {client[1]}," in DOCKERFILE.read_text(encoding="utf-8")


def test_triton_mounts_the_model_repository_and_loads_each_of_its_models() -> None:
    triton = services()["triton"]
    source, target, mode = triton["volumes"][0].split(":")
    repository = (DEPLOY / source).resolve()
    assert repository == ROOT / "triton_models"
    assert mode == "ro"
    assert f"--model-repository={target}" in triton["command"]
    loaded = {word.removeprefix("--load-model=") for word in triton["command"] if word.startswith("--load-model=")}
    assert loaded == set(model_names((repository,)))
    assert "chest_demo" in loaded


def test_the_processes_see_the_cards_of_the_models_that_triton_serves() -> None:
    for service in ours().values():
        assert "../triton_models:/app/triton_models:ro" in service["volumes"]
    assert "COPY triton_models triton_models" in DOCKERFILE.read_text(encoding="utf-8")
    assert "WORKDIR /app" in DOCKERFILE.read_text(encoding="utf-8")


def test_ports_agree() -> None:
    scp, web, triton = (services()[name] for name in ("scp", "web", "triton"))
    port, pages = scp["environment"]["PREREAD_SCP__PORT"], web["environment"]["PREREAD_WEB__PORT"]
    assert scp["ports"][0].endswith(f":{port}:{port}")
    assert web["ports"][0].endswith(f":{pages}:{pages}")
    assert port in scp["healthcheck"]["test"][-1]
    assert f":{pages}/readyz" in web["healthcheck"]["test"][-1]
    host, _, grpc = web["environment"]["PREREAD_MODELS__URL"].partition(":")
    assert host == "triton"
    assert f"--grpc-port={grpc}" in triton["command"]
    exposed = re.findall(r"^EXPOSE (.+)$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert exposed == [f"{port} {pages}", grpc]


def test_redis_refuses_rather_than_evict_and_keeps_nothing() -> None:
    command = services()["redis"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--maxmemory-policy"] == NOEVICTION
    assert options["--appendonly"] == "no"
    assert options["--save"] == ""


@pytest.mark.parametrize("name", services())
def test_nothing_is_published_to_others_unless_somebody_says_so(name: str) -> None:
    for published in services()[name].get("ports", ()):
        assert defaulted(published).startswith("127.0.0.1:")


@pytest.mark.parametrize("name", ["postgres", "redis", "triton"])
def test_what_has_no_business_outside_is_in_a_network_without_a_way_out(name: str) -> None:
    assert services()[name]["networks"] == ["inside"]
    assert "ports" not in services()[name]
    assert read_yaml(COMPOSE)["networks"]["inside"]["internal"] is True


@pytest.mark.parametrize("name", services())
def test_no_service_gains_privileges(name: str) -> None:
    service = services()[name]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add"} & set(service)


@pytest.mark.parametrize("name", [*ours(), "triton", "redis"])
def test_our_own_containers_write_only_where_they_must(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]


def test_whoever_waits_for_setup_needs_its_tables_and_rules() -> None:
    for name in ("scp", "reader", "sender", "sweep", "web"):
        assert ours()[name]["depends_on"]["setup"] == {"condition": "service_completed_successfully"}


def test_a_reader_may_finish_its_answer() -> None:
    grace_s = int(ours()["reader"]["stop_grace_period"].removesuffix("m")) * 60
    assert grace_s > Settings().models.timeout_s


def test_the_gpu_file_changes_the_model_server_alone() -> None:
    changed: dict[str, Any] = read_yaml(GPU)["services"]
    assert set(changed) == {"triton"}
    device = changed["triton"]["deploy"]["resources"]["reservations"]["devices"][0]
    assert device["driver"] == "nvidia"
    assert device["capabilities"] == ["gpu"]
    assert changed["triton"]["build"]["args"] == {"LOCK": "requirements-gpu.lock"}
    assert changed["triton"]["environment"]["PREREAD_MODELS__DEVICE"] == "cuda"


def test_every_mounted_file_is_there() -> None:
    volumes = [volume for service in services().values() for volume in service.get("volumes", ())]
    sources = {defaulted(volume).split(":")[0] for volume in volumes}
    files = {source for source in sources if source.startswith(".")}
    assert files
    assert [source for source in files if not (DEPLOY / source).exists()] == []


def test_secrets_are_made_for_whoever_mounts_them(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    subprocess.run(["sh", DEPLOY / "docker" / "secrets.sh", folder], check=True, capture_output=True)
    mounted = {Path(defaulted(secret["file"])).name for secret in read_yaml(COMPOSE)["secrets"].values()}
    assert {file.name for file in folder.iterdir()} == mounted
    assert folder.stat().st_mode & 0o777 == 0o700
    settings = Settings(**tomllib.loads((folder / "preread.toml").read_text(encoding="utf-8")))
    assert (folder / "postgres_password").read_text() in settings.database
    assert "@postgres:5432/preread" in settings.database
    assert (folder / "redis.conf").read_text().split()[1] in settings.broker
    assert "@redis:6379/" in settings.broker


def test_secrets_that_are_there_are_kept(tmp_path: Path) -> None:
    script = ["sh", str(DEPLOY / "docker" / "secrets.sh"), str(tmp_path)]
    subprocess.run(script, check=True, capture_output=True)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    subprocess.run(script, check=True, capture_output=True)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before
