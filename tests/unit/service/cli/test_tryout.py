"""What `preread run` makes of a site's rules."""

from __future__ import annotations

import pytest

from service.cli.run import _nodes
from service.cli.tryout import TriedOut, in_shadow
from service.domain.rule import Mode
from service.ports.services import Services
from tests.unit.service.cli.conftest import EXAMPLES


@pytest.fixture
def tried(services: Services) -> TriedOut:
    return TriedOut(services.configurations)


def test_a_rule_in_shadow_is_tried_out_as_if_it_were_live(services: Services, tried: TriedOut) -> None:
    rules = (EXAMPLES / "demo" / "rules.toml").read_text().replace('mode = "live"', 'mode = "shadow"')
    nodes = (
        dict(services.configurations.active().texts)["nodes.toml"] + '[[destination]]\nname="out"\nurl="file:///o"\n'
    )
    given = services.configurations.apply({"rules.toml": rules, "nodes.toml": nodes}, by="test")
    assert in_shadow(given.configuration) == {"radiographs", "ct"}
    for found in (tried.active(), tried.version(given.number)):
        for rule in found.configuration.rules:
            assert (rule.mode, rule.destinations) == (Mode.LIVE, ("out",))


def test_a_rule_that_is_off_stays_off_and_nothing_is_passed_on(services: Services, tried: TriedOut) -> None:
    rules = (EXAMPLES / "site" / "rules.toml").read_text().replace('mode = "shadow"', 'mode = "off"', 1)
    nodes = (EXAMPLES / "site" / "nodes.toml").read_text()
    found = tried.apply({"rules.toml": rules, "nodes.toml": nodes}, by="test").configuration
    assert [rule.mode for rule in found.rules] == [Mode.OFF, Mode.LIVE, Mode.LIVE]
    assert found.forwards == ()


def test_every_destination_of_the_file_is_the_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    out = tmp_path_factory.mktemp("out")
    nodes = _nodes(EXAMPLES / "site" / "rules.toml", out)
    assert [nodes.count(f'name = "{name}"') for name in ("out", "pacs", "research")] == [1, 1, 1]
    assert nodes.count(out.as_uri()) == 3
