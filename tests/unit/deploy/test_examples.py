"""The configurations that people copy: they load, and they say every key there is."""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydicom.uid import UID

from dicom_nodes.destinations import schemes
from dicom_nodes.objects import encoders
from service.adapters.configuration import parse
from service.adapters.configuration.shape import (
    DestinationTable,
    ForwardTable,
    ProtocolTable,
    RuleTable,
    SourceTable,
    WhenTable,
)
from service.domain.config import Configuration
from service.domain.rule import Conditions, Mode, Rule, match
from service.domain.study import Identity, Study
from service.settings import Settings, as_environment
from tests.support.narratives import radiograph, stored
from tests.unit.deploy.repository import COMPOSE, DEPLOY, read_yaml, services
from workers.algorithms import algorithms

SITE, DOCKER = DEPLOY / "examples" / "site", DEPLOY / "docker" / "site"
SMALL = DEPLOY / "examples" / "small"


def load(folder: Path) -> Configuration:
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in ("nodes.toml", "rules.toml")}
    return parse(texts, algorithms=algorithms(), outputs=encoders(), schemes=schemes())


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting in the environment."""
    for name in [name for name in os.environ if name.startswith("PREREAD_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def site(plain: None) -> Settings:
    return Settings.load(SITE / "preread.toml")


@pytest.mark.parametrize("folder", [SITE, DOCKER, SMALL], ids=["examples", "docker", "small"])
def test_a_configuration_has_no_mistake(folder: Path) -> None:
    found = load(folder)
    assert found.rules
    assert found.sources
    assert found.destinations


def test_a_hospital_begins_in_shadow() -> None:
    assert {rule.mode for rule in load(SITE).rules} == {Mode.SHADOW}


@pytest.mark.usefixtures("plain")
def test_one_machine_needs_nothing_beside_it() -> None:
    """No server of a site's, no disk of a site's size, and nobody from outside comes in."""
    found, usual = Settings.load(SMALL / "preread.toml"), Settings()
    assert (found.database, found.broker, found.models.url) == ("", "", "")
    assert found.disk_reserve_bytes == usual.disk_reserve_bytes
    assert {found.scp.host, found.web.host} == {"127.0.0.1"}
    nodes = load(SMALL)
    assert [source.networks for source in nodes.sources] == [("127.0.0.1/32",)]
    assert {node.url.split(":")[0] for node in nodes.destinations} == {"file"}


def test_no_source_is_known_by_its_ae_title_alone() -> None:
    for folder in (SITE, DOCKER, SMALL):
        for source in load(folder).sources:
            assert all(ipaddress.ip_network(network).prefixlen >= 24 for network in source.networks)


def test_the_settings_load(site: Settings) -> None:
    assert site.database.startswith("postgresql+pg8000://")
    assert site.web.host == "127.0.0.1"


def test_the_example_names_every_setting() -> None:
    tables = tomllib.loads((SITE / "preread.toml").read_text(encoding="utf-8"))
    named = {f"{key}.{inner}" for key, value in tables.items() if isinstance(value, dict) for inner in value}
    named |= {key for key, value in tables.items() if not isinstance(value, dict)}
    wanted = {name.removeprefix("PREREAD_").lower().replace("__", ".") for name in as_environment(Settings())}
    assert named == wanted


def test_what_is_called_a_default_is_one(site: Settings) -> None:
    defaults = Settings().model_dump(mode="json")
    given = site.model_dump(mode="json")
    lines = (SITE / "preread.toml").read_text(encoding="utf-8").splitlines()
    table = ""
    for line in lines:
        if heading := re.match(r"\[(\w+)\]", line):
            table = heading[1]
        if found := re.match(r"(\w+) = ", line):
            default, value = (v[table] if table else v for v in (defaults, given))
            is_default = default[found[1]] == value[found[1]]
            assert is_default != ("not the default" in line), line


@pytest.mark.parametrize(
    ("file", "shape"),
    [
        ("nodes.toml", SourceTable),
        ("nodes.toml", DestinationTable),
        ("rules.toml", ProtocolTable),
        ("rules.toml", RuleTable),
        ("rules.toml", WhenTable),
        ("rules.toml", ForwardTable),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_the_example_names_every_key(file: str, shape: type[BaseModel]) -> None:
    text = (SITE / file).read_text(encoding="utf-8")
    for key in shape.model_fields:
        assert re.search(rf"\b{key} = ", text) or key == "when", f"{file} does not show {key}"


def test_the_sources_of_the_containers_are_on_their_network() -> None:
    subnet = read_yaml(COMPOSE)["networks"]["dicom"]["ipam"]["config"][0]["subnet"]
    assert [source.networks for source in load(DOCKER).sources] == [(subnet,)]


def test_the_destination_of_the_containers_is_their_archive() -> None:
    [node] = load(DOCKER).destinations
    orthanc = services()["orthanc"]
    assert node.url == f"dicom://{orthanc['environment']['ORTHANC__DICOM_AET']}@orthanc:4242"
    assert orthanc["profiles"] == ["orthanc"]


@pytest.mark.parametrize("modality", ["CR", "DX", "CT", "MR", "C", "CTX", "XC", ""])
def test_what_is_tried_out_is_taken_by_one_rule_whatever_its_modality(modality: str) -> None:
    rules = tomllib.loads((DEPLOY / "examples" / "run" / "rules.toml").read_text(encoding="utf-8"))["rule"]
    whens = [Conditions(modality=tuple(rule["when"]["modality"])) for rule in rules]
    now = datetime(2026, 1, 1, tzinfo=UTC)
    study = Study(
        study_instance_uid=UID("1.4"), identity=Identity(), identity_version=1, source="s", received_first=now,
        received_last=now, instances=(stored(radiograph(Modality=modality)),),
    )  # fmt: skip
    matched = [match(Rule(name="r", protocol="p", when=when), study, now=now).matched for when in whens]
    assert matched.count(True) == 1
