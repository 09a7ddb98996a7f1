"""What every test may use, and the last line of a run: what ran, what did not, and why."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples in every run, however long a busy machine takes over them.
settings.register_profile(
    "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], database=None
)
settings.load_profile("steady")

RAN = ("passed", "failed", "error", "xfailed", "xpassed")


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real DICOM files and radiographs; a test that asks for it is skipped where there is none."""
    folder = os.environ.get("PREREAD_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("PREREAD_TEST_DATA names no folder of real files")
    return Path(folder).resolve()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Say what ran after pytest's own last line."""
    yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and not session.config.option.collectonly:
        reporter.write_line(last_line(reporter.stats))


def last_line(stats: dict[str, list[object]]) -> str:
    """Return "ran N, skipped M because REASON (COUNT); ...", and which checks failed before the tests."""
    ran = sum(len(stats.get(outcome, ())) for outcome in RAN)
    reasons = Counter(reason(report) for report in stats.get("skipped", ()))
    line = f"ran {ran}, skipped {reasons.total()}"
    if reasons:
        line += " because " + "; ".join(f"{why} ({count})" for why, count in reasons.most_common())
    failed = os.environ.get("PREREAD_CHECKS_FAILED")
    return f"{line} -- failed before the tests: {failed}" if failed else line


def reason(report: object) -> str:
    """Return why a test was skipped, without its place."""
    where_and_why = getattr(report, "longrepr", None)
    text = where_and_why[2] if isinstance(where_and_why, tuple) else str(where_and_why)
    return text.removeprefix("Skipped: ").strip() or "no reason given"
