"""Every verb of an operator, with good and bad input: one sentence, an exit code, never a traceback."""

from __future__ import annotations

import json
import os
import pwd
import re
from importlib import metadata
from pathlib import Path

import pytest

from service.ports.services import Services
from tests.unit.service.cli.conftest import EXAMPLES, PHANTOM, Preread

LOOKING = (
    ("studies",), ("studies", "show", "1.2.3"), ("studies", "route", "1.2.3"),
    ("jobs", "list"), ("jobs", "show", "1"), ("jobs", "replay", "1"), ("deliveries", "list"),
    ("deliveries", "retry", "1"), ("evidence", "1.2.3"), ("tokens", "list"), ("tokens", "revoke", "x"),
    ("tokens", "create", "me", "--role", "viewer"), ("nodes", "echo"), ("config", "show"),
    ("config", "diff", str(EXAMPLES / "site")), ("rules", "test", str(PHANTOM)),
)  # fmt: skip


@pytest.mark.parametrize("words", LOOKING, ids=" ".join)
def test_where_nothing_lies_one_sentence_says_so_and_nothing_is_made(
    words: tuple[str, ...], preread: Preread, data: Path
) -> None:
    said = preread(*words)
    assert said.code == 2
    assert said.out == ""
    assert said.err.startswith(f"preread: there is no installation in {data}; ")
    assert said.err.count("\n") == 1
    assert not data.exists()


@pytest.mark.parametrize("words", LOOKING, ids=" ".join)
def test_a_ledger_without_tables_is_named(words: tuple[str, ...], preread: Preread, data: Path) -> None:
    data.mkdir()
    (data / "ledger.sqlite").touch(mode=0o600)
    said = preread(*words)
    assert (said.code, said.out) == (2, "")
    assert "start `preread up` or `preread scp`" in said.err


def test_the_version_is_that_of_the_package(preread: Preread, data: Path) -> None:
    assert preread("--version").out == f"preread {metadata.version('preread')}\n"
    assert not data.exists()


def test_up_and_scp_without_a_configuration_say_how_to_apply_one(preread: Preread) -> None:
    said = preread("up")
    assert (said.code, said.err) == (
        2,
        "preread: no configuration was applied yet; run `preread config apply FOLDER`\n",
    )


def test_the_first_configuration_makes_the_installation(preread: Preread) -> None:
    assert preread("config", "apply", EXAMPLES / "site").out == "configuration 1 is active\n"
    assert preread("config", "apply", EXAMPLES / "site").out == "configuration 1 is active\n"
    assert preread("config", "diff", EXAMPLES / "site").code == 0
    assert preread("studies").out == "(nothing)\n"


def test_a_configuration_is_shown_and_compared(preread: Preread, services: Services) -> None:
    assert "# configuration 1, applied" in preread("config", "show").out
    assert json.loads(preread("config", "show", "--json").out)["number"] == 1
    differs = preread("config", "diff", EXAMPLES / "site")
    assert differs.code == 1
    assert "+++" in differs.out
    assert preread("config", "show", 7).code == 2


def test_a_folder_without_a_configuration_is_named(preread: Preread, tmp_path: Path) -> None:
    said = preread("config", "apply", tmp_path)
    assert said.code == 2
    assert "holds neither nodes.toml nor rules.toml" in said.err


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("studies", "show", "1.2.3"), "preread studies"),
        (("studies", "route", "1.2.3"), "preread studies"),
        (("jobs", "show", "99"), "preread jobs list"),
        (("jobs", "show", "nonsense"), "preread jobs list"),
        (("jobs", "replay", "99"), "preread jobs list"),
        (("deliveries", "retry", "99"), "preread deliveries list"),
        (("evidence", "not a UID"), "preread studies"),
        (("tokens", "revoke", "99"), "preread tokens list"),
    ],
    ids=str,
)
def test_what_is_unknown_is_said_on_standard_error_with_the_way_to_the_names(
    words: tuple[str, ...], hint: str, preread: Preread, services: Services
) -> None:
    said = preread(*words)
    assert (said.code, said.out) == (1, "")
    assert f"`{hint}`" in said.err
    assert said.err.count("\n") == 1


def test_a_study_is_found_by_every_verb(preread: Preread, study: str) -> None:
    assert study in preread("studies").out
    row = json.loads(preread("studies", "--json").out)
    assert (row["study"], row["state"], row["instances"]) == (study, "scheduled", 1)
    assert preread("studies", "--state", "done", "--json").out == ""
    job = json.loads(preread("jobs", "list", "--json").out)
    assert (job["study"], job["rule"], job["state"]) == (study, "radiographs", "SCHEDULED")
    assert "radiographs" in preread("jobs", "show", job["job"]).out
    assert "association from files released: 1 new" in preread("evidence", study).out
    assert json.loads(preread("evidence", study, "--json").out)["row"]["study_instance_uid"] == study


def test_the_note_is_why_the_study_is_where_it_is(preread: Preread, study: str) -> None:
    row = json.loads(preread("studies", "--json").out)
    assert row["note"] == "The study is complete and waits for a worker."
    assert row["last_event"].startswith("job scheduled: ")
    assert preread("studies", "show", study).out.splitlines()[0] == row["note"]
    assert json.loads(preread("studies", "show", study, "--json").out)["headline"] == row["note"]


def test_studies_are_found_by_accession_number_and_uid(preread: Preread, services: Services, study: str) -> None:
    record = services.catalogue.record(study)  # type: ignore[arg-type]
    assert record is not None
    number = record.row.identity.accession_number
    assert number
    assert study in preread("studies", "--accession", number, "--study", study).out
    assert preread("studies", "--accession", f"{number}x").out == "(nothing)\n"
    assert preread("studies", "--study", "1.2.3").out == "(nothing)\n"


def test_a_study_that_no_rule_took_is_read_after_the_rule_was_corrected(
    preread: Preread, services: Services, request: pytest.FixtureRequest
) -> None:
    right = dict(services.configurations.active().texts)
    wrong = {**right, "rules.toml": right["rules.toml"].replace('["CR", "DX"]', '["NM"]')}
    services.configurations.apply(wrong, by="test")
    study = request.getfixturevalue("study")
    assert preread("studies", "route", study).out.startswith("No rule of version 2 takes the study: radiographs (")
    services.configurations.apply(right, by="test")
    said = preread("studies", "show", study).out
    assert said.startswith("No rule of configuration version 2 took this study")
    assert f"Version 3 would take it now: route it again (`preread studies route {study}`, or the button)." in said
    assert preread("studies", "route", study).out.startswith("Version 3 takes the study; 1 job scheduled: ")
    assert "which has a job for it already" in preread("studies", "route", study).out
    assert json.loads(preread("jobs", "list", "--json").out)["rule"] == "radiographs"


def test_no_verb_names_the_patient(preread: Preread, services: Services, study: str) -> None:
    record = services.catalogue.record(study)  # type: ignore[arg-type]
    assert record is not None
    patient = record.row.identity.patient
    names = [name for name in (patient.name, patient.patient_id, patient.birth_date) if name]
    assert names
    for words in (("studies",), ("studies", "--json"), ("studies", "show", study),
                  ("jobs", "list", "--json"), ("jobs", "show", "1", "--json"),
                  ("evidence", study), ("evidence", study, "--json"), ("deliveries", "list", "--json")):  # fmt: skip
        said = preread(*words)
        assert not [name for name in names if name in said.out + said.err], words


def test_a_reading_is_scheduled_anew_even_while_the_broker_is_away(preread: Preread, study: str) -> None:
    job = json.loads(preread("jobs", "list", "--json").out)["job"]
    assert preread("jobs", "replay", job).out.endswith("is scheduled\n")


def test_tokens_come_and_go(preread: Preread, services: Services) -> None:
    secret = preread("tokens", "create", "desk", "--role", "viewer", "--role", "operator").out.strip()
    (token,) = [json.loads(line) for line in preread("tokens", "list", "--json").out.splitlines()]
    assert (token["name"], token["roles"]) == ("desk", "operator, viewer")
    assert secret not in preread("tokens", "list", "--json").out
    assert preread("tokens", "revoke", token["id"]).code == 0
    assert preread("tokens", "list").out == "(no token was issued)\n"
    assert preread("tokens", "create", "desk", "--role", "king").code == 2


def test_every_act_is_in_the_audit_record_before_it_is_done(preread: Preread, services: Services, study: str) -> None:
    preread("tokens", "create", "desk", "--role", "viewer", "--days", "1")
    token = json.loads(preread("tokens", "list", "--json").out)["id"]
    job = json.loads(preread("jobs", "list", "--json").out)["job"]
    for words in (("tokens", "revoke", token), ("jobs", "replay", job), ("jobs", "cancel", job),
                  ("deliveries", "retry", "7"), ("config", "apply", EXAMPLES / "site"),
                  ("studies", "route", study)):  # fmt: skip
        preread(*words)
    events = services.trail.recent()
    assert [event.detail for event in reversed(events)] == [
        "token created for desk with viewer, 1 day",
        f"token {token} revoked",
        f"rerun of job {job}",
        f"cancel of job {job}",
        "resend of delivery 7",
        f"configuration applied from {EXAMPLES / 'site'}",
        "route again",
    ]
    assert {event.who for event in events} == {pwd.getpwuid(os.getuid()).pw_name}
    assert [event.study_instance_uid for event in events if "again" in event.detail] == [study]
    assert [event.study_instance_uid for event in events if "of job" in event.detail] == [study, study]
    assert services.trail.breaks() == ()


def test_looking_and_what_is_unknown_is_no_act(preread: Preread, services: Services, study: str) -> None:
    for words in (("jobs", "list"), ("tokens", "revoke", "99"), ("jobs", "replay", "99"), ("config", "show"),
                  ("studies", "route", "1.2.3")):  # fmt: skip
        preread(*words)
    assert services.trail.recent() == []


def test_every_verb_speaks_the_sites_zone(
    preread: Preread, services: Services, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREREAD_SITE__ZONE", "Asia/Kathmandu")
    preread("tokens", "create", "desk", "--role", "viewer")
    told = [
        json.loads(preread("jobs", "list", "--json").out)["created"],
        json.loads(preread("studies", "--json").out)["received"],
        json.loads(preread("tokens", "list", "--json").out)["expires"],
        json.loads(preread("config", "show", "--json").out)["applied_at"],
        json.loads(preread("evidence", study, "--json").out)["events"][0]["at"],
    ]
    assert [re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+05:45", instant) for instant in told].count(None) == 0, told
    assert "created (Asia/Kathmandu)" in preread("jobs", "list").out.splitlines()[0]
    assert "(Asia/Kathmandu) by test" in preread("config", "show").out
    assert "events (Asia/Kathmandu):" in preread("evidence", study).out


def test_unknown_destinations_are_named_with_the_known_ones(preread: Preread, services: Services) -> None:
    said = preread("nodes", "echo", "nobody")
    assert (said.code, said.err) == (2, "preread: no destination is named nobody; known: archive\n")


def test_a_state_that_no_study_can_be_in_is_refused(preread: Preread, services: Services) -> None:
    assert preread("studies", "--state", "lost").code == 2


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("PREREAD_SCP__PORT", "abc", "PREREAD_SCP__PORT: setting scp.port: Input should be a valid integer"),
        (
            "PREREAD_SCP__MAX_PDU",
            "0",
            "PREREAD_SCP__MAX_PDU: setting scp.max_pdu: Input should be greater than or equal",
        ),
        ("PREREAD_SCP__MAX_PUD", "1", "PREREAD_SCP__MAX_PUD: setting scp.max_pud: there is no such setting; "),
        ("PREREAD_SCP", "{bad", "a PREREAD_ variable cannot be read"),
        ("PREREAD_SITE__ZONE", "Mars", "site.zone 'Mars' is no time zone"),
        ("PREREAD_DATABASE", "nonsense", "`database` is no URL"),
    ],
)
def test_a_wrong_variable_is_one_sentence(
    variable: str, value: str, sentence: str, preread: Preread, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    said = preread("studies")
    assert said.code == 2
    assert said.err.startswith(f"preread: {sentence}")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"a = [", "not valid TOML"),
        (b"# mine\ncolour = 1", "preread.toml:2: colour: there is no such setting; deploy/examples/site/preread.toml"),
        (b"[web]\nport = 1\n[scp]\n\nmax_pud = 1", "preread.toml:5: scp.max_pud: there is no such setting"),
        (b"[scp]\nport = 1\n[web]\nport = 'x'", "preread.toml:4: web.port: Input should be a valid integer"),
        (b"scp.port = 'x'", "preread.toml:1: scp.port: Input should be a valid integer"),
        (b"\xff\xfe", "not text in UTF-8"),
    ],
)
def test_a_wrong_settings_file_is_one_sentence(text: bytes, sentence: str, preread: Preread, tmp_path: Path) -> None:
    file = tmp_path / "preread.toml"
    file.write_bytes(text)
    said = preread("--settings", file, "studies")
    assert said.code == 2
    assert sentence in said.err
    assert "Traceback" not in said.err


def test_the_settings_file_is_read_and_the_environment_wins(
    preread: Preread, tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "preread.toml"
    file.write_text(f'data = "{tmp_path / "elsewhere"}"\n')
    assert str(data) in preread("--settings", file, "studies").err
    monkeypatch.delenv("PREREAD_DATA")
    assert str(tmp_path / "elsewhere") in preread("--settings", file, "studies").err
    monkeypatch.setenv("PREREAD_SETTINGS", str(file))
    assert str(tmp_path / "elsewhere") in preread("studies").err
    assert preread("--settings", tmp_path / "nowhere.toml", "studies").code == 2
