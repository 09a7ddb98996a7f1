"""Rules and nodes as typed TOML, kept in the ledger as numbered versions."""

from service.adapters.configuration.store import StoredConfigurations, TextStore
from service.adapters.configuration.toml import parse

__all__ = ["StoredConfigurations", "TextStore", "parse"]
