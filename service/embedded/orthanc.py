"""Orthanc as the archive of demos and tests: its configuration, closed to everybody but ourselves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from service.embedded.ports import LOOPBACK

Which = Callable[[str], str | None]


@dataclass(frozen=True, kw_only=True)
class Orthanc:
    """One Orthanc with a folder and ports of its own."""

    folder: Path
    dicom_port: int
    http_port: int
    ae_title: str = "ARCHIVE"
    peers: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """Modalities that may talk to it: AE title -> host, port."""
    options: Mapping[str, object] = field(default_factory=dict)
    """Further configuration, which wins."""

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.http_port}"

    def configuration(self) -> dict[str, object]:
        """What stands in orthanc.json; the meaning of each name is in Orthanc's book, "Configuration"."""
        return {
            "Name": "preread archive",
            "StorageDirectory": str(self.folder / "storage"),
            "IndexDirectory": str(self.folder / "index"),
            "DicomAet": self.ae_title,
            "DicomPort": self.dicom_port,
            "DicomCheckCalledAet": True,
            "DicomCheckModalityHost": True,
            "DicomAlwaysAllowEcho": False,
            "DicomAlwaysAllowStore": False,
            "DicomAlwaysAllowFind": False,
            "DicomModalities": {
                name.lower(): {"AET": name, "Host": host, "Port": port, "AllowEcho": True, "AllowFind": True,
                               "AllowStore": True}
                for name, (host, port) in self.peers.items()
            },
            "HttpPort": self.http_port,
            "HttpBindAddresses": [LOOPBACK],
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "OverwriteInstances": False,
            "StableAge": 1,
            "Plugins": [],
            **self.options,
        }  # fmt: skip

    def command(self, server: Path) -> tuple[str, ...]:
        """Write the configuration and return the command line that runs `server` with it."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = self.folder / "orthanc.json"
        file.write_text(json.dumps(self.configuration(), indent=1), encoding="utf-8")
        return (str(server), str(file))


def find(*, which: Which = shutil.which) -> Path | None:
    """The installed Orthanc, or None."""
    found = which("Orthanc") or next((str(p) for p in (Path("/usr/sbin/Orthanc"),) if p.exists()), None)
    return Path(found) if found else None
