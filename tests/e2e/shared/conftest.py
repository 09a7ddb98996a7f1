"""One whole installation for every file of this folder: none of them stops a part of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import need_orthanc_and_dcmtk
from tests.support.installation import Installation


@pytest.fixture(scope="package")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """`preread up` on SQLite with an Orthanc beside it."""
    need_orthanc_and_dcmtk()
    with Installation(tmp_path_factory.mktemp("installation")) as found:
        yield found
