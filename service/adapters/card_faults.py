"""What is wrong with a model's card, in one line: which keys are missing, which values cannot be, what to do."""

from __future__ import annotations

from pydantic import ValidationError

OF_THE_FILES = frozenset({"digest", "device_uid"})
WRITES_THEM = "`python triton_models/engine/layout.py FOLDER` writes digest and device_uid"


def told(error: ValidationError) -> str:
    """Every fault of `error`, missing keys first, as one line for whoever wrote the card."""
    faults = error.errors()
    missing = [_key(each["loc"]) for each in faults if each["type"] == "missing"]
    said = [_sentence(_key(each["loc"]), each["type"], each["msg"]) for each in faults if each["type"] != "missing"]
    if missing:
        said.insert(0, f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    if OF_THE_FILES.intersection(missing):
        said.append(WRITES_THEM)
    return "; ".join(said)


def _key(where: tuple[int | str, ...]) -> str:
    return ".".join(map(str, where))


def _sentence(key: str, kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return f"{key}: there is no such key"
    return f"{key}: {message.removeprefix('Value error, ')}"
