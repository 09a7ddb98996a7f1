"""The same engine without Triton: model folders served from this process on a Unix socket or on stdin/stdout.

    python triton_models/engine/local.py --repository triton_models --socket /run/preread/models.sock

For hosts where the Triton binary cannot run. When it is ready it prints one JSON line on stdout (not with
--stdio, where stdout carries the frames). Frames are those of `frames.py`; what a frame may say stands in
`deploy/docs/model-contract.md`, "Local server". Only the user that started it can connect.
"""

import argparse
import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

# As a script this file is alone on the path; the package is found beside the models.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine import contract, engines, frames, stall, turns
from engine.folder import ModelError

log = logging.getLogger("preread.local")

SEND_TIMEOUT_S = 60.0
"""A client that takes nothing for so long is gone."""
MAX_OPEN_REQUESTS = 256
"""Per connection, running or waiting."""

Engines = dict[str, engines.Engine]


class Session:
    """One client: reads its frames, answers them from the pool, forgets them when it leaves."""

    def __init__(
        self, engines: Engines, pool: turns.Turns, watch: stall.Stall, source: BinaryIO, sink: BinaryIO
    ) -> None:
        """`source` and `sink` are blocking binary streams; `sink` is unbuffered."""
        self._engines = engines
        self._watch = watch
        self._pool = pool
        self._source = source
        self._sink = sink
        self._writing = threading.Lock()
        self._open: dict[str, threading.Event] = {}

    def run(self) -> None:
        """Serve until the client leaves or says something that is no frame."""
        try:
            self._say(hello(self._engines))
            while frame := frames.read(self._source):
                self._take(*frame)
        except frames.FrameError as e:
            log.warning("a client was dropped: %s", e)
        except OSError:
            log.info("a client left")
        finally:
            for cancelled in list(self._open.values()):
                cancelled.set()

    def _take(self, header: dict[str, Any], tensors: dict[str, Any]) -> None:
        operation, request = header.get("op"), str(header.get("id", ""))
        if operation == "cancel":
            if request in self._open:
                self._open[request].set()
        elif operation != "infer":
            self._refuse(request, f"unknown op {operation!r}")
        elif request in self._open or len(self._open) >= MAX_OPEN_REQUESTS:
            self._refuse(request, "the id is in use, or too many requests are open")
        elif (engine := self._engines.get(str(header.get("model")))) is None:
            self._refuse(request, f"no model {header.get('model')!r} here, only {', '.join(self._engines)}")
        else:
            self._begin(engine, request, tensors)

    def _begin(self, engine: engines.Engine, request: str, tensors: dict[str, Any]) -> None:
        try:
            asked = engine.parse(tensors)
        except contract.ContractError as e:
            self._refuse(request, str(e))
            return
        cancelled = self._open[request] = threading.Event()
        stop = turns.stopper(cancelled.is_set, asked.deadline_s)
        self._pool.submit(asked.priority, partial(self._answer, engine, request, asked, stop), over=bool(stop()))

    def _answer(self, engine: engines.Engine, request: str, asked: Any, stop: turns.Stop) -> None:
        with self._watch.answering():
            try:
                for chunk in engine.generate(asked, stop):
                    if chunk.finish:  # before the client hears of the end, so that it may use the id again
                        self._open.pop(request, None)
                    self._say({"op": "chunk", "id": request}, engine.encode(chunk))
                    self._watch.moved()
            except OSError:
                log.info("a client left before the end of its answer")
            except contract.ContractError as e:
                self._refuse(request, str(e))
            except Exception as e:  # the boundary: whatever it was, the client hears of it
                log.exception("an answer failed")
                self._refuse(request, f"{type(e).__name__}: {e}", kind="engine")
            finally:
                self._open.pop(request, None)

    def _refuse(self, request: str, message: str, kind: str = "contract") -> None:
        self._open.pop(request, None)
        try:
            self._say({"op": "error", "id": request, "kind": kind, "message": message})
        except OSError:
            log.info("a client left before its refusal")

    def _say(self, header: dict[str, Any], tensors: dict[str, Any] | None = None) -> None:
        frame = frames.pack(header, tensors)
        with self._writing:
            if self._sink.closed:
                raise BrokenPipeError("the client left")
            self._sink.write(frame)
            self._sink.flush()


def hello(engines: Engines) -> dict[str, Any]:
    """Return what a client is told first."""
    return {
        "op": "hello",
        "contract_version": contract.CONTRACT_VERSION,
        "models": [engine.identity() for engine in engines.values()],
    }


def load(
    repositories: Sequence[Path], names: Sequence[str], threads: int | None, device: str = "",
    moved: Callable[[], None] = lambda: None,
) -> Engines:  # fmt: skip
    """Return the engines of all folders with a card, or of those in `names`; raises ModelError."""
    folders = [card.parent for repository in repositories for card in sorted(repository.glob("*/card.toml"))]
    chosen = {folder.name: folder for folder in folders if not names or folder.name in names}
    if missing := set(names) - set(chosen):
        raise ModelError(f"no model folder for {', '.join(sorted(missing))}")
    return {name: engines.load(folder, threads=threads, device=device, moved=moved) for name, folder in chosen.items()}


def listen(path: Path) -> socket.socket:
    """Return a listening socket at `path`, for this user alone; a socket nobody serves is replaced."""
    with socket.socket(socket.AF_UNIX) as probe:
        if path.exists() and probe.connect_ex(str(path)) == 0:
            raise SystemExit(f"{path} is already served")
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        server.bind(str(new))
    finally:
        os.umask(before)
    server.listen()
    new.replace(path)  # whoever sees the socket can connect
    return server


def serve(server: socket.socket, engines: Engines, pool: turns.Turns, watch: stall.Stall) -> None:
    """Answer clients until the process is told to end."""
    while True:
        client, _ = server.accept()
        threading.Thread(target=_serve_client, args=(client, engines, pool, watch), daemon=True).start()


def _serve_client(client: socket.socket, engines: Engines, pool: turns.Turns, watch: stall.Stall) -> None:
    # Only sending has a limit: a client may be silent for as long as it likes.
    seconds = int(SEND_TIMEOUT_S).to_bytes(8, sys.byteorder) + bytes(8)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, seconds)
    # Closing writes what is left, to a client that may be gone.
    with suppress(OSError), client, client.makefile("rb") as source, client.makefile("wb") as sink:
        Session(engines, pool, watch, source, sink).run()


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Serve model folders without Triton.")
    parser.add_argument("--repository", type=Path, action="append", required=True, help="may be repeated")
    parser.add_argument("--model", action="append", default=[], help="only this one; may be repeated")
    parser.add_argument("--threads", type=int, help="of each model; default: what its size is worth")
    parser.add_argument("--device", default="", help="cpu or cuda, or it is an error; default: what each model names")
    parser.add_argument("--concurrency", type=int, default=8, help="answers at once; more wait")
    parser.add_argument(
        "--silent-s", type=float, default=30, help="end when no open answer moves for so long; 0: never"
    )
    parser.add_argument("--with-stdin", action="store_true", help="end when stdin ends (a supervisor died)")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--socket", type=Path)
    where.add_argument("--stdio", action="store_true", help="one client, on stdin and stdout")
    return parser.parse_args(argv)


def _end_with_stdin() -> None:
    while sys.stdin.buffer.read(1 << 16):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main(argv: Sequence[str] | None = None) -> None:
    """Load the models, say so, serve."""
    arguments = _arguments(argv)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s")
    pool, watch = turns.Turns(arguments.concurrency), stall.Stall(arguments.silent_s)
    try:
        engines = load(arguments.repository, arguments.model, arguments.threads, arguments.device, watch.moved)
    except ModelError as e:
        raise SystemExit(str(e)) from e
    if arguments.stdio:
        Session(engines, pool, watch, sys.stdin.buffer, sys.stdout.buffer).run()
        return
    server = listen(arguments.socket)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if arguments.with_stdin:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    try:
        print(json.dumps({"ready": True, "socket": str(arguments.socket), **hello(engines)}), flush=True)
        serve(server, engines, pool, watch)
    except KeyboardInterrupt:
        log.info("ended by the keyboard")
    finally:
        arguments.socket.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
