"""`preread`: every process and every verb of an operator."""

from __future__ import annotations

import errno
import os
import sys

from service.domain.errors import Misconfigured, PrereadError

FAILED, WRONG_USE = 1, 2
FULL = {errno.ENOSPC, errno.EDQUOT}
BARRED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOENT}


def main() -> None:
    """The console script; an error raised on purpose is one sentence and an exit code, never a traceback."""
    from service.cli.app import app

    try:
        app(prog_name="preread")
    except Misconfigured as error:
        sys.exit(_say(str(error), WRONG_USE))
    except PrereadError as error:
        sys.exit(_say(str(error), FAILED))
    except OSError as error:
        if not (sentence := of_disk(error)):
            raise
        sys.exit(_say(sentence, FAILED))


def of_disk(error: OSError) -> str:
    """The sentence for a disk that is full or a path that cannot be used; empty for anything else."""
    where = f" ({os.fsdecode(error.filename)})" if isinstance(error.filename, str | bytes) else ""
    if error.errno in FULL:
        return f"the disk is full{where}: free some space, or choose another disk with PREREAD_DATA or PREREAD_CACHE"
    if error.errno in BARRED and where:
        return f"{error.strerror}{where}: choose another place, or correct that one"
    return ""


def _say(text: str, code: int) -> int:
    print(f"preread: {text}", file=sys.stderr)
    return code
