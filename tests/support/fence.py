"""A fence around a command: a network of its own that leads nowhere, and a count of what tried to leave it.

In new network and mount namespaces the loopback is up and every other route leads into a TUN device that nobody stands
behind. Names are asked at an address beyond it, so that a look-up is a packet, too. Needs util-linux's unshare and
/dev/net/tun, as root or with user namespaces; Linux alone.

    python tests/support/fence.py REPORT ENOUGH COMMAND...     inside the namespaces

writes what left as JSON, and ends COMMAND as soon as ENOUGH packets left (0: lets it end by itself).
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TUN = "/dev/net/tun"
DEVICE, LOOPBACK = b"out", b"lo"
ADDRESS, RESOLVER = "198.51.100.1", "192.0.2.53"
ADDRESS_6 = "2001:db8::1"
"""Addresses of documentation (RFC 5737, RFC 3849): nobody has them."""
NEIGHBOURS = {0, 58}
"""IPv6's own hop-by-hop options and ICMPv6, which the kernel sends of itself."""

# <linux/if_tun.h>, <linux/sockios.h>, <linux/if.h>, <linux/route.h>
TUNSETIFF, SIOCADDRT, SIOCSIFFLAGS, SIOCSIFADDR, SIOCGIFINDEX = 0x400454CA, 0x890B, 0x8914, 0x8916, 0x8933
IFF_UP, IFF_TUN, IFF_NO_PI, RTF_UP = 0x1, 0x1, 0x1000, 0x1


@dataclass(frozen=True)
class Left:
    """What a fenced command did."""

    code: int
    output: str
    packets: tuple[str, ...]
    """Where each went that tried to leave: protocol, address, port, and the name that was asked for."""


def fenced(command: Sequence[str], environ: Mapping[str, str], *, enough: int = 0, timeout_s: float = 120) -> Left:
    """Run `command` behind the fence, to its end or until `enough` packets left."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        line = [*namespaces(), sys.executable, __file__, str(report), str(enough), *command]
        with (Path(folder) / "output").open("w+b") as output:
            ran = subprocess.run(
                line, env=dict(environ), stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=timeout_s
            )
            output.seek(0)
            said = output.read().decode(errors="replace")
        if not report.exists():
            raise RuntimeError(f"the fence was not closed: exit {ran.returncode}: {said[-2000:]}")
        return Left(ran.returncode, said, tuple(json.loads(report.read_text())))


def why_not() -> str:
    """Why no fence can be had here; empty if one can."""
    if not shutil.which("unshare") or not namespaces():
        return "no network namespaces here (unshare as root, or user namespaces)"
    return "" if os.access(TUN, os.R_OK | os.W_OK) else f"{TUN} cannot be opened"


@cache
def namespaces() -> tuple[str, ...]:
    """The command that opens the namespaces; empty where none works."""
    for command in (("unshare", "--net", "--mount"), ("unshare", "--map-root-user", "--net", "--mount")):
        if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
            return command
    return ()


def close_fence() -> int:
    """Bring the loopback up and route the rest into a new TUN device; returns its descriptor."""
    tun = os.open(TUN, os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", DEVICE, IFF_TUN | IFF_NO_PI))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFADDR, struct.pack("16s", DEVICE) + _address(ADDRESS) + bytes(8))
        for device in (LOOPBACK, DEVICE):
            fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH22x", device, IFF_UP))
        _route_everything(control)
        index = struct.unpack("16xi20x", fcntl.ioctl(control, SIOCGIFINDEX, struct.pack("16s24x", DEVICE)))[0]
    if socket.has_ipv6 and Path("/proc/net/if_inet6").exists():
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as control:  # with length 0 it is a route to everywhere
            address = socket.inet_pton(socket.AF_INET6, ADDRESS_6)
            fcntl.ioctl(control, SIOCSIFADDR, struct.pack("16sIi", address, 0, index))
    return tun


def _address(dotted: str) -> bytes:
    """A sockaddr_in."""
    return struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(dotted))


def _route_everything(control: socket.socket) -> None:
    device = ctypes.create_string_buffer(DEVICE)
    anywhere = _address("0.0.0.0")
    entry = struct.pack(
        "@L16s16s16sHhLPhP", 0, anywhere, anywhere, anywhere, RTF_UP, 0, 0, 0, 0, ctypes.addressof(device)
    )
    fcntl.ioctl(control, SIOCADDRT, entry.ljust(120, b"\0"))


def ask_names_outside(folder: Path) -> None:
    """Have every look-up of a name go to an address beyond the fence."""
    files = {
        "resolv.conf": f"nameserver {RESOLVER}\noptions timeout:1 attempts:1\n",
        "nsswitch.conf": "hosts: files dns\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
        if (there := Path("/etc") / name).exists():
            subprocess.run(["mount", "--bind", folder / name, there.resolve()], check=True)


def watch(tun: int, left: list[str], enough: int, end: Callable[[], None], ended: threading.Event) -> None:
    """Append a line to `left` for each packet, until all that came before `ended` is read; `end` what sends them after
    the `enough`th.
    """
    while True:
        last = ended.is_set()
        while select.select([tun], [], [], 0 if last else 0.1)[0]:
            if line := told(os.read(tun, 1 << 16)):
                left.append(line)
                if len(left) == enough:
                    end()
        if last:
            return


def told(packet: bytes) -> str:
    """Where an IP packet goes, in words; empty for what the kernel sends of itself."""
    if packet[0] >> 4 == 4:
        protocol, start, address = packet[9], (packet[0] & 15) * 4, socket.inet_ntop(socket.AF_INET, packet[16:20])
    else:
        protocol, start, address = packet[6], 40, socket.inet_ntop(socket.AF_INET6, packet[24:40])
        if protocol in NEIGHBOURS:
            return ""
    port = int.from_bytes(packet[start + 2 : start + 4], "big")
    name = f" asks for {_asked(packet[start + 20 :])}" if (protocol, port) == (17, 53) else ""
    return f"{ {6: 'tcp', 17: 'udp'}.get(protocol, protocol) } {address}:{port}{name}"


def _asked(query: bytes) -> str:
    """The name of a DNS question (RFC 1035 4.1.2), which begins after the header's 12 bytes."""
    labels, at = [], 0
    while at < len(query) and (length := query[at]):
        labels.append(query[at + 1 : at + 1 + length].decode(errors="replace"))
        at += length + 1
    return ".".join(labels)


def main(report: str, enough: str, *command: str) -> int:
    """Close the fence, run `command`, write what left."""
    left: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        ask_names_outside(Path(folder))
        tun = close_fence()
        ended = threading.Event()
        with subprocess.Popen(command) as running:
            watcher = threading.Thread(target=watch, args=(tun, left, int(enough), running.kill, ended), daemon=True)
            watcher.start()
        ended.set()
        watcher.join()
        Path(report).write_text(json.dumps(left))
    return running.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
