"""The snippets for archives, as far as they can be held against anything without the archive."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from service.settings import Settings
from tests.unit.deploy.repository import DEPLOY, services

PACS = DEPLOY / "pacs"
LUA = (PACS / "orthanc" / "autoroute.lua").read_text(encoding="utf-8")
LDIF = (PACS / "dcm4chee" / "preread.ldif").read_text(encoding="utf-8")
ORTHANC = json.loads((PACS / "orthanc" / "orthanc.json").read_text(encoding="utf-8"))

Entry = list[tuple[str, str]]


def entries() -> list[Entry]:
    """LDIF as (attribute, value) pairs per entry (RFC 2849, without folded lines)."""
    text = "\n".join(line for line in LDIF.splitlines() if not line.startswith(("#", "version:")))
    blocks = [block.strip().splitlines() for block in re.split(r"\n\s*\n", text) if block.strip()]
    return [[(name, value) for name, _, value in (line.partition(": ") for line in block)] for block in blocks]


def test_orthanc_knows_the_receiver_by_its_name_and_port() -> None:
    node = ORTHANC["DicomModalities"]["preread"]
    scp = Settings().scp
    assert (node["AET"], node["Port"]) == (scp.ae_title, scp.port)
    assert node["Host"] in services()


def test_orthanc_lets_preread_do_what_it_does_and_nothing_else() -> None:
    node = ORTHANC["DicomModalities"]["preread"]
    allowed = {key for key, value in node.items() if key.startswith("Allow") and value}
    assert allowed == {"AllowEcho", "AllowStore", "AllowFind"}
    assert ORTHANC["DicomAlwaysAllowStore"] is ORTHANC["DicomAlwaysAllowFind"] is False


def test_orthanc_loads_the_script_that_is_mounted() -> None:
    mounted = {volume.split(":")[1] for volume in services()["orthanc"]["volumes"]}
    assert set(ORTHANC["LuaScripts"]) <= mounted


def test_the_script_sends_to_the_modality_and_knows_what_comes_from_us() -> None:
    constants = dict(re.findall(r"^local (\w+) = '(\w+)'", LUA, re.MULTILINE))
    assert constants["TO"] in ORTHANC["DicomModalities"]
    assert constants["OURS"] == ORTHANC["DicomModalities"]["preread"]["AET"]
    assert re.search(r"NOT_SENT = \{[^}]*\bSR = true", LUA)


def test_a_send_that_fails_is_seen_to_fail() -> None:
    """Orthanc calls a permissive job a success even if nothing arrived."""
    assert "Permissive = false" in LUA


def test_every_function_of_the_script_is_closed() -> None:
    code = re.sub(r"--[^\n]*|'[^']*'", "", LUA)
    words = Counter(re.findall(r"\b(function|if|for|do|end)\b", code))
    assert words["function"] + words["if"] + words["do"] == words["end"]
    assert words["for"] == words["do"]


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: str(entry[0][1].split(",")[0]))
def test_an_entry_is_what_its_name_says(entry: Entry) -> None:
    (first, name), *rest = entry
    assert first == "dn"
    attribute, _, value = name.split(",")[0].partition("=")
    assert (attribute, value) in rest
    assert any(key == "objectClass" for key, _ in rest)
    assert name.endswith("cn=Devices,cn=DICOM Configuration,dc=dcm4che,dc=org")


def test_the_export_rule_leads_to_the_receiver_and_leaves_out_what_comes_from_it() -> None:
    values = {(key, value) for entry in entries() for key, value in entry}
    scp = Settings().scp
    assert ("dicomPort", str(scp.port)) in values
    assert ("dicomAETitle", scp.ae_title) in values
    assert ("dcmURI", f"dicom:{scp.ae_title}") in values
    assert ("dcmProperty", f"SendingApplicationEntityTitle!={scp.ae_title}") in values
    assert sum(key == "dcmExporterID" and value == "PREREAD" for entry in entries() for key, value in entry) == 2
