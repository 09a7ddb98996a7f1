from concurrent.futures import ThreadPoolExecutor

from service.adapters.ledger import SqlLedger

FIRST = {"rules.toml": "# Regeln für die Nacht\n", "nodes.toml": ""}
SECOND = {"rules.toml": "# none\n", "nodes.toml": ""}


def test_versions_are_numbered_and_immutable(ledger: SqlLedger) -> None:
    assert ledger.config() is None
    first = ledger.add_config(FIRST, by="anna")
    assert (first.number, first.texts, first.applied_by) == (1, FIRST, "anna")
    assert first.applied_at.tzinfo is not None
    second = ledger.add_config(SECOND, by="berta")
    assert second.number == 2
    assert ledger.config() == second
    assert ledger.config(1) == first
    assert ledger.config(3) is None


def test_equal_texts_make_no_version_but_earlier_ones_may_come_back(ledger: SqlLedger) -> None:
    first = ledger.add_config(FIRST, by="anna")
    assert ledger.add_config(dict(reversed(FIRST.items())), by="berta") == first
    ledger.add_config(SECOND, by="anna")
    assert ledger.add_config(FIRST, by="anna").number == 3


def test_versions_that_are_applied_at_once_have_numbers_of_their_own(ledger: SqlLedger) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda n: ledger.add_config({"rules.toml": f"# {n}\n"}, by="anna"), range(4)))
    assert sorted(version.number for version in made) == [1, 2, 3, 4]
