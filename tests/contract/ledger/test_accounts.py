import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import text

from service.adapters.accounts_sql import SqlAccounts
from service.adapters.ledger import SqlLedger
from service.domain.account import Role
from tests.contract.ledger.scene import NOON

LATER = NOON + timedelta(hours=1)


@pytest.fixture
def accounts(ledger: SqlLedger) -> SqlAccounts:
    return SqlAccounts(ledger.database, now=lambda: NOON)


def test_a_secret_opens_the_door_to_its_account(accounts: SqlAccounts) -> None:
    secret = accounts.issue("anna", frozenset({Role.OPERATOR, Role.AUDITOR}), expires_at=LATER)
    account = accounts.who(secret, now=NOON)
    assert account is not None
    assert (account.name, account.roles) == ("anna", frozenset({Role.OPERATOR, Role.AUDITOR}))


def test_an_account_may_have_no_role(accounts: SqlAccounts) -> None:
    account = accounts.who(accounts.issue("anna", frozenset(), expires_at=LATER), now=NOON)
    assert account is not None
    assert account.roles == frozenset()


@pytest.mark.parametrize(
    "secret", ["", "preread", "preread__", "preread_x_y", "a_b_c", "preread_ü_ö", "\ud800", "x" * 9999]
)
def test_a_stranger_is_nobody(accounts: SqlAccounts, secret: str) -> None:
    accounts.issue("anna", frozenset({Role.ADMIN}), expires_at=LATER)
    assert accounts.who(secret, now=NOON) is None


def test_the_identifier_alone_or_with_a_changed_secret_is_worth_nothing(accounts: SqlAccounts) -> None:
    secret = accounts.issue("anna", frozenset({Role.ADMIN}), expires_at=LATER)
    (token,) = accounts.tokens()
    for wrong in (token.token_id, f"preread_{token.token_id}_", secret[:-1], secret + "x", secret.upper()):
        assert accounts.who(wrong, now=NOON) is None


def test_an_expired_secret_is_worth_nothing(accounts: SqlAccounts) -> None:
    secret = accounts.issue("anna", frozenset({Role.ADMIN}), expires_at=LATER)
    assert accounts.who(secret, now=LATER) is None
    assert accounts.who(secret, now=LATER - timedelta(microseconds=1)) is not None


def test_a_revoked_secret_is_worth_nothing_and_is_revoked_once(accounts: SqlAccounts) -> None:
    secret = accounts.issue("anna", frozenset({Role.ADMIN}), expires_at=LATER)
    (token,) = accounts.tokens()
    assert accounts.revoke(token.token_id)
    assert accounts.who(secret, now=NOON) is None
    assert list(accounts.tokens()) == []
    assert not accounts.revoke(token.token_id)
    assert not accounts.revoke("unknown")


def test_only_the_digest_of_a_secret_is_kept(accounts: SqlAccounts, ledger: SqlLedger) -> None:
    secret = accounts.issue("anna", frozenset({Role.ADMIN}), expires_at=LATER)
    (token,) = accounts.tokens()
    assert token.sha256 == hashlib.sha256(secret.encode()).hexdigest()
    with ledger.database.read() as connection:
        (row,) = connection.execute(text("SELECT * FROM token"))
    assert secret.rsplit("_", 1)[1] not in repr(tuple(row))


def test_tokens_that_expired_long_ago_are_forgotten(ledger: SqlLedger) -> None:
    times = [NOON, NOON + timedelta(days=40)]
    accounts = SqlAccounts(ledger.database, now=lambda: times[0])
    accounts.issue("old", frozenset(), expires_at=LATER)
    times.pop(0)
    accounts.issue("new", frozenset(), expires_at=NOON + timedelta(days=41))
    assert [token.account.name for token in accounts.tokens()] == ["new"]


def test_sites_do_not_share_accounts(ledger: SqlLedger) -> None:
    secret = SqlAccounts(ledger.database, site="annex", now=lambda: NOON).issue("a", frozenset(), expires_at=LATER)
    assert SqlAccounts(ledger.database, now=lambda: NOON).who(secret, now=NOON) is None
