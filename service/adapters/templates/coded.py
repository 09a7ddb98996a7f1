"""Coded content of an MRRT template: `<template_attributes>` as codes by the id of what they are of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NoReturn
from xml.etree import ElementTree

from service.domain.code import Code

MOST_ENTRIES = 4000
_SCHEMES = {
    "radlex": "RADLEX", "loinc": "LN", "ln": "LN", "snomedct": "SCT", "snomed-ct": "SCT", "snomed ct": "SCT",
    "sct": "SCT", "snomed": "SCT", "dcm": "DCM", "dicom": "DCM", "ucum": "UCUM", "radelement": "RADELEMENT",
    "2.16.840.1.113883.6.256": "RADLEX", "2.16.840.1.113883.6.1": "LN", "2.16.840.1.113883.6.96": "SCT",
    "2.16.840.1.113883.6.8": "UCUM", "1.2.840.10008.2.16.4": "DCM",
}  # fmt: skip
"""Coding Scheme Designators (PS3.16 table 8-1) by the names and OIDs that templates write."""
_VALUE = re.compile(r"[\x21-\x7e]{1,64}")


class Wrong(ValueError):
    """What is wrong, and how many lines below the start of the coded content."""

    def __init__(self, text: str, line: int = 1) -> None:
        super().__init__(text)
        self.line = line


def coded_content(xml: str) -> Mapping[str, tuple[Code, ...]]:
    """Codes by ORIGTXT. Raises Wrong for what is no XML, holds a document type, or codes that are none."""
    if re.search(r"<!(DOCTYPE|ENTITY)|<\?xml-stylesheet", xml, re.IGNORECASE):
        raise Wrong("the coded content declares a document type or entities; delete the declaration")
    start = len(xml) - len(xml.lstrip())
    try:
        root = ElementTree.fromstring(xml.strip())
    except ElementTree.ParseError as error:
        line = xml[:start].count("\n") + error.position[0]
        raise Wrong("the coded content is no well-formed XML; close its elements and write & as &amp;", line) from error
    entries = list(root.iter("entry"))
    if len(entries) > MOST_ENTRIES:
        raise Wrong(f"the coded content has more than {MOST_ENTRIES} entries")
    found: dict[str, tuple[Code, ...]] = {}
    for entry in entries:
        name = _name(entry)
        found[name] = (*found.get(name, ()), *_codes(entry, name))
    return found


def _name(entry: ElementTree.Element) -> str:
    given = {key.lower(): value for key, value in entry.attrib.items()}
    return given.get("origtxt", "").strip() or _raise("an entry of the coded content has no ORIGTXT")


def _codes(entry: ElementTree.Element, name: str) -> Iterator[Code]:
    for code in entry.iter("code"):
        value = code.get("value", "").strip().rsplit("/", 1)[-1]
        scheme = designator(code.get("scheme", ""))
        meaning = " ".join(code.get("meaning", "").split())
        if not (_VALUE.fullmatch(value) and scheme and meaning):
            _raise(f"a code of {name!r} lacks its value, scheme or meaning; write all three or delete it")
        yield Code(value, scheme, meaning)


def designator(scheme: str) -> str:
    """The Coding Scheme Designator of a scheme; what is not known stays, as far as it can be one."""
    plain = scheme.strip()
    return _SCHEMES.get(plain.lower(), plain if re.fullmatch(r"[A-Za-z0-9_. -]{1,16}", plain) else "")


def _raise(text: str) -> NoReturn:
    raise Wrong(text)
