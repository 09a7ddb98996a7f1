"""Source and Destination: the DICOM nodes around us, as nodes.toml describes them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field

from service.domain.assembly import Patience
from service.domain.profile import Profile


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Who may send to us from listed networks: an AE title over DICOM, an account over STOW-RS, or both."""

    name: str
    ae_title: str = ""
    """Calling AE title, or "*"; empty for a source that sends over STOW-RS alone."""
    networks: tuple[str, ...]
    """CIDR networks; an AE title alone is not authentication."""
    account: str = ""
    """Name of the account whose tokens send over STOW-RS; empty for a source that sends over DICOM alone."""
    default_issuer: str = ""
    """Issuer of Patient ID where the sender states none."""
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, kw_only=True, slots=True)
class DestinationNode:
    """Where results or originals go; the URL's scheme picks the destination plug-in.

    `dicom://CALLED_AE@host:port`, `file:///folder`.
    """

    name: str
    url: str
    calling_ae_title: str = ""
    """Ours, as this peer knows it; empty for the service's own."""
    identity_check: bool = True
    """Ask the destination for the current identity before a result leaves (invariant 10)."""
    adopt_identity: bool = False
    """On mismatch encode again under the destination's identity; otherwise hold for a person. For the one
    archive that is the truth about patients, never for a research archive with pseudonyms."""
    not_analysed: bool = True
    """Wants "NOT ANALYSED BY AI" objects."""
    profile: Profile = field(default_factory=Profile)
    """Which objects it gets, and in which form."""


def source_of(sources: Iterable[Source], *, ae_title: str, address: str) -> Source | None:
    """The first source whose AE title and network fit the caller; None for a stranger."""
    named = {ae_title.strip(), "*"} - {""}
    return next((source for source in sources if source.ae_title in named and _inside(source, address)), None)


def source_of_account(sources: Iterable[Source], *, account: str, address: str) -> Source | None:
    """The first source whose account and network fit who sends over STOW-RS; None for a stranger. No name is any."""
    fitting = (source for source in sources if source.account and source.account == account)
    return next((source for source in fitting if _inside(source, address)), None)


def _inside(source: Source, address: str) -> bool:
    """Whether the address is in one of the source's networks; what is no address is in none."""
    try:
        caller = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return False
    if isinstance(caller, ipaddress.IPv6Address) and caller.ipv4_mapped:
        caller = caller.ipv4_mapped
    return any(caller in ipaddress.ip_network(network, strict=False) for network in source.networks)
