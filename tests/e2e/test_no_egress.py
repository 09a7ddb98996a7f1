"""Nothing leaves the machine that nobody asked for: packets are counted behind a fence, and the count can fail.

GenAI's and ONNX Runtime's wheels send telemetry unless it is switched off before their first import (knowledge.md).
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from tests.support.fence import fenced, why_not
from tests.support.installation import REPOSITORY

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]

DEMO = REPOSITORY / "triton_models" / "chest_demo"
PATIENCE_S = 120.0
COLLECTOR = "events.data.microsoft.com"
BUILD_SERVERS = {
    "BUILDKITE", "CI", "CIRCLECI", "CODEBUILD_BUILD_ID", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL",
    "TEAMCITY_VERSION", "TF_BUILD", "TRAVIS",
}  # fmt: skip
"""By these the wheels know a build server, where they are silent of themselves; a hospital has none of them."""

CONNECT = """
import socket
with socket.socket() as outside:
    outside.settimeout(0.2)
    outside.connect_ex(("203.0.113.5", 443))
"""
LOOK_UP = """
import socket
try:
    socket.getaddrinfo("archive.example.com", 104)
except OSError:
    pass
"""
STAY_INSIDE = """
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname()).close()
"""
RUNTIME = """
import sys, time
import onnxruntime_genai as og
model = og.Model(sys.argv[1])
params = og.GeneratorParams(model)
params.set_search_options(max_length=64)
generator = og.Generator(model, params)
generator.append_tokens(og.Tokenizer(model).encode("Write the report."))
generator.generate_next_token()
time.sleep(float(sys.argv[2]))
"""
ENGINE = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[3])
import numpy as np
from engine import contract, engines
engine = engines.load(Path(sys.argv[1]))
grey = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (256, 1))
for images, parts in (((), (contract.Text("Write the report."),)), ((grey,), (contract.ImageRef(0),))):
    print(list(engine.generate(contract.Request(parts=parts, images=images, max_tokens=16)))[-1].finish)
time.sleep(float(sys.argv[2]))
"""


@pytest.fixture(autouse=True)
def fence() -> None:
    if reason := why_not():
        pytest.skip(f"packets cannot be counted: {reason}")


def plain() -> dict[str, str]:
    """This environment, with telemetry as the wheels have it outside of build servers."""
    silencers = BUILD_SERVERS | {"ORT_DISABLE_TELEMETRY"}
    return {name: value for name, value in os.environ.items() if name not in silencers}


def script(text: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", text, *map(str, arguments)]


def test_the_count_counts_what_leaves_and_nothing_else() -> None:
    assert set(fenced(script(CONNECT), plain()).packets) == {"tcp 203.0.113.5:443"}, "once, or tried again"
    asked = fenced(script(LOOK_UP), plain()).packets
    assert asked
    assert all(packet.endswith("asks for archive.example.com") for packet in asked)
    assert fenced(script(STAY_INSIDE), plain()).packets == ()


def test_the_runtime_alone_calls_home_and_the_engine_does_not() -> None:
    """The engine is watched for twice as long as it takes the runtime to be caught."""
    begun = time.monotonic()
    alone = fenced(script(RUNTIME, DEMO / "1", PATIENCE_S), plain(), enough=1, timeout_s=2 * PATIENCE_S)
    took_s = time.monotonic() - begun
    assert COLLECTOR in "".join(alone.packets), alone.output
    ours = fenced(script(ENGINE, DEMO, 2 * took_s, DEMO.parent), plain(), timeout_s=2 * took_s + PATIENCE_S)
    assert ours.code == 0, ours.output
    assert len(ours.output.split()) == 2
    assert ours.packets == ()


def test_a_whole_demo_from_reception_to_reports_sends_nothing_out(tmp_path: Path) -> None:
    demo = [sys.executable, "-P", "-c", "from service.cli import main; main()", "demo", "--once"]
    ran = fenced(demo, {**plain(), "PREREAD_DATA": str(tmp_path / "data")}, timeout_s=300)
    assert ran.code == 0, ran.output[-3000:]
    assert ran.packets == ()
