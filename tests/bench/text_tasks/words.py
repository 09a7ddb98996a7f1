"""The words that findings go by in English and German reports, for the matcher of impressions and the baseline."""

from __future__ import annotations

import re
from collections.abc import Mapping


def _compiled(words: Mapping[str, str]) -> dict[str, re.Pattern[str]]:
    return {name: re.compile(rf"\b(?:{pattern})", re.IGNORECASE) for name, pattern in words.items()}


_EFFUSION = r"(?<!pericardial )(?:pleural )?effus|pleural (?:fluid|collection)|\w*pleuraergu|\w*erg[uü](?:ss|ß)"
_OPACITY = (
    r"opaci|infiltrat|airspace|air-space|interstitial marking|reticul|verschattung|ground.glass|milchglas|density"
)
_HEART = r"cardiomegal|kardiomegal|(?:heart|cardiac)\b[^.;,]{0,30}enlarge|enlarge\w*(?: of the)? (?:heart|cardiac)"
_NODULE = r"nodul|rundherd|granulom|metasta"
_MASS = r"mass\b|masses|\w*tumou?r|carcinoma|neoplas|malignan|raumforderung|malignom|karzinom|cancer"
_CONSOLIDATION = r"consolidat|konsolidier"
_PNEUMONIA = r"\w*pneumoni(?:a|e|c)|infection|infectious|lungenentzündung"
_ATELECTASIS = r"\w*atelect|\w*atelekt|dystelekt|minderbelüft|collapse|lungenkollaps"
_PNEUMOTHORAX = r"\w*pneumothora|ptx\b|tension pneumo"
_FRACTURE = r"flail|\w*fractur|\w*fraktur|fx\b"
_EDEMA = (
    r"(?:o?edema|ödem|lungenödem)|congesti|stauung|(?:heart|in) failure|chf\b|decompensat|dekompensation|fluid overload"
)
_PLEURA = r"pleural (?:thicken|plaque|scar|disease)|fibrothorax|\w*schwiele|plaques"
_WIDE = (
    r"(?:wide\w*|prominent|bulky)(?: of the)?(?: superior)? mediastin|mediastin\w*[^.;,]{0,20}wid"
    r"|mediastinum verbreitert"
)

FINDINGS = _compiled(
    {
        "abnormality": r"$^",  # only ever denied, see NORMAL
        "abscess": r"abscess|abszess|infected collection",
        "appendicitis": r"appendicitis|appendizitis",
        "atelectasis": _ATELECTASIS,
        "bowel obstruction": r"(?:bowel )?obstruction|ileus\b|sbo\b",
        "bronchiectasis": r"bronchiecta|bronchiekta",
        "calculus": r"calcul|\w*stone\b|\w*stein\b|urolith|nephrolith",
        "cardiomegaly": _HEART + r"|herz\w*[^.;,]{0,20}(?:vergrößer|verbreiter)|large heart|cm\+",
        "cavity": r"cavit|kaverne",
        "central venous line": r"central (?:venous )?(?:line|catheter)|cvc\b|zvk|picc|subclavian (?:line|catheter)"
        r"|catheter|line\b",
        "chest tube": r"(?:chest|pleural|basal) tube|thoraxdrainage|icc\b|tube (?:malposition|kink)",
        "consolidation": _CONSOLIDATION,
        "dissection": r"dissect|dissektion",
        "drain": r"drain(?:s|age)?\b|\w*drainage",
        "edema": _EDEMA,
        "emphysema": r"(?<!subcutaneous )(?<!surgical )(?:lungen)?(?:emphysem|copd)",
        "endotracheal tube": r"endotracheal|ett\b|et tube|intubation|mainstem|tubus",
        "foreign body": r"foreign (?:body|object)|retained (?:needle|instrument|item)|fremdkörper",
        "fracture": _FRACTURE,
        "granuloma": r"granulom",
        "hemorrhage": r"h(?:a?e)morrhag|h(?:a?e)matoma|subdural|\w*blutung|bleed",
        "hiatal hernia": r"hiatal hernia|hiatus hernia|hiatushernie",
        "hydronephrosis": r"hydronephro|harnstau|obstructive uropathy",
        "hyperinflation": r"hyperinflat|hyperexpan|überbläh",
        "infarct": r"(?:media)?infar[ck]|ischemi[ac]|stroke",
        "interstitial disease": r"interstiti|fibrosis|fibrotic|uip\b|nsip\b|reticul|parenchymal (?:change|disease)"
        r"|sarcoid|ild\b|lungenfibrose|asbestosis",
        "lymphadenopathy": r"\w*adenopath|lymph ?nod|lymphknoten|\bnode|hilus verplump"
        r"|hil(?:um|ar)(?: is)? (?:enlarge|promin|bulky)",
        "mass": _MASS,
        "mediastinal widening": _WIDE + r"|wide mediastin|mediastinal (?:mass|lymphoma|hematoma)",
        "metastasis": r"metasta",
        "midline shift": r"midline shift|mittellinienverlagerung|mass effect",
        "nasogastric tube": r"nasogastric|feeding tube|dobhoff|enteric tube|ngt\b|magensonde",
        "nodule": _NODULE,
        "opacity": _OPACITY,
        "pacemaker": r"pacemaker|pacing|leads?\b|schrittmacher|sonden",
        "pericardial effusion": r"h(?:a?e)mopericard|pericardial effusion|perikarderguss|tamponade",
        "pleural effusion": _EFFUSION + r"|empyem|h(?:a?e)m[oa]\w*thorax|hämatothorax",
        "pleural thickening": _PLEURA,
        "pneumomediastinum": r"pneumomediastin|mediastinal (?:air|emphysema)",
        "pneumonia": _PNEUMONIA,
        "pneumonitis": r"pneumonitis",
        "pneumoperitoneum": r"pneumoperiton|free (?:\w+ )?air|freie luft",
        "pneumothorax": _PNEUMOTHORAX,
        "port": r"port\b|port.a.cath|portkatheter|mediport",
        "pulmonary embolism": r"(?:pulmonary )?embol(?:us|is|i\b)|lungen\w*embolie|pe\b|pes\b|lae\b",
        "subcutaneous emphysema": r"(?:subcutaneous|surgical) emphysema|hautemphysem",
        "tuberculosis": r"tubercul|tb\b|granulomatous|tuberkul",
    }
)
"""What an impression may name."""

NORMAL = re.compile(
    r"\bno (?:acute|active|significant|radiographic)[^.;]{0,40}(?:process|disease|abnormalit|finding|pathology)"
    r"|\bno abnormalit|\bnormal (?:chest|study|exam|radiograph|ct|head|x-ray)|\bnegative (?:chest|study|exam)"
    r"|\bunremarkable (?:chest|study|exam)|\b(?:chest|study) (?:is )?(?:normal|unremarkable)\b"
    r"|^\W*(?:normal|negative)\W*$"
    r"|\bkein (?:akuter |pathologischer )?befund|\bunauffällig|\bo\. ?b\.|\bregelrechter (?:herz|thorax)",
    re.IGNORECASE | re.MULTILINE,
)
"""How a report says that there is nothing."""

LABEL_WORDS = _compiled(
    {
        "Enlarged Cardiomediastinum": _WIDE + r"|mediastin\w* (?:contour|silhouette)|cardiomediastin",
        "Cardiomegaly": _HEART
        + r"|herz\w*[^.;,]{0,20}(?:vergrößer|verbreiter)|heart size|cardiac (?:silhouette|size|contour)"
        + r"|heart(?: is| was|:)? (?:not )?(?:normal|enlarged)|herz ",
        "Lung Opacity": _OPACITY,
        "Lung Lesion": _NODULE + "|" + _MASS,
        "Edema": _EDEMA,
        "Consolidation": _CONSOLIDATION,
        "Pneumonia": _PNEUMONIA,
        "Atelectasis": _ATELECTASIS,
        "Pneumothorax": _PNEUMOTHORAX,
        "Pleural Effusion": _EFFUSION,
        "Pleural Other": _PLEURA,
        "Fracture": _FRACTURE,
        "Support Devices": r"tube|line\b|catheter|picc|pacemaker|leads|wires|drain|port\b|stent|prosthe|tracheost|icd\b"
        r"|valve|cvc|zvk|tubus|sonde|schrittmacher|\w*drainage|ett\b|ngt\b",
    }
)
"""What the baseline takes for a mention of a label."""

NORMAL_HEART = re.compile(r"normal|within|unremarkable|upper limit|regelrecht|small\b", re.IGNORECASE)
"""Beside the heart or the mediastinum, these words deny."""
