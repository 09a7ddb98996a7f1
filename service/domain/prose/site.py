"""Site: parts of the body that a question or a sign may limit a finding to, in English and German words."""

from __future__ import annotations

import re
from collections.abc import Mapping

_WORDS = {
    "rib": r"ribs?|costal|rippen?\w*",
    "clavicle": r"clavic\w+|klavi\w+|schlüsselbein\w*",
    "spine": r"spin(?:e|al)|vertebra\w*|wirbel\w*",
    "kidney": r"kidneys?|renal|nieren?\w*",
    "gallbladder": r"gall\w*|chole\w*|biliary",
    "liver": r"liver|hepatic|leber\w*",
    "spleen": r"spleen|splenic|milz\w*",
    "pancreas": r"pancrea\w+|pankrea\w+",
    "upper lung": r"upper (?:lobe|zone|lung)\w*|[lr]ul|apical|apex|ober(?:lappen|feld)\w*|apikal\w*",
    "middle lung": r"middle (?:lobe|zone)|rml|lingula\w*|mittel(?:lappen|feld)\w*",
    "lower lung": r"lower (?:lobe|zone|lung)\w*|[lr]ll|bas(?:al|ilar|es?)|unter(?:lappen|feld)\w*|retrocardiac"
    r"|retrokardial\w*",
    "head": r"skull|crani\w+|intracrani\w+|schädel\w*|intrakrani\w*",
    "face": r"zygoma\w*|mandib\w*|maxill\w*|nasal|jochb\w*|unterkiefer\w*|oberkiefer\w*",
    "hip": r"hip|femor\w+|femur|hüft\w*|oberschenkel\w*",
    "arm": r"humer\w+|radius|ulna|elbow|wrist|unterarm\w*|oberarm\w*",
}
SITES: Mapping[str, re.Pattern[str]] = {
    name: re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE) for name, words in _WORDS.items()
}


def sites(text: str) -> frozenset[str]:
    """Every site that `text` names."""
    return frozenset(name for name, words in SITES.items() if words.search(text))
