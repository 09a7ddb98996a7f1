"""Processes that a test looks at and ends: any of them may be gone, or a zombie, between two looks."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import psutil


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs; not a zombie, and not another process under its number."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_gone(pid: int) -> bool:
    """Whether nothing runs under this number; a zombie does not."""
    try:
        return not is_alive(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return True


def below(pid: int, *, recursive: bool = True) -> list[psutil.Process]:
    """What this process started and is alive, with what that started; nothing where it is gone itself."""
    try:
        return [child for child in psutil.Process(pid).children(recursive=recursive) if is_alive(child)]
    except psutil.NoSuchProcess:
        return []


def command_line(process: psutil.Process) -> list[str]:
    """Its words; none of one that is gone."""
    try:
        return list(process.cmdline()) if is_alive(process) else []
    except psutil.NoSuchProcess:  # a zombie, too
        return []


def kill(processes: Iterable[psutil.Process]) -> None:
    """kill -9, without a word of warning; one that has ended by then is as good."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
