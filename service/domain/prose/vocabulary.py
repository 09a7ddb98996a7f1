"""Vocabulary: the words that findings go by in English and German reports, and the label each counts for."""

from __future__ import annotations

import re

_WORDS: dict[str, str] = {
    "cardiomegaly": r"[ck]ardiomegal\w*|enlarge\w* (?:of the )?(?:heart|cardiac|cardio\w+) ?\w*"
    r"|herzvergrößerung|cm\+",
    "mediastinal widening": r"(?:mediastinal|mediastinum) (?:is )?(?:wide\w*|enlarge\w*|mass\w*)"
    r"|(?:wide\w*|enlarge\w*|prominent|bulky)(?: of)?(?: the)?(?: superior| upper)? (?:cardio)?mediastin\w*"
    r"|mediastinalverbreiterung|mediastinaltumor",
    "opacity": r"opaci\w+|infiltrat\w*|air[- ]?space disease|reticula\w*|interstitial (?:marking|prominence|pattern)\w*"
    r"|ground[- ]glass|verschattung\w*|milchglas\w*|\w*infiltrat\w*|retikul\w*|trübung\w*|shadowing|whiteout",
    "nodule": r"nodules?|nodular (?:opacit\w+|densit\w+|lesion\w*)|\w*rundherd\w*|micronodul\w*|coin lesions?"
    r"|\w*(?<!lymph)knoten\b",
    "mass": r"mass(?:es)?\b|tumou?rs?\b|neoplasm\w*|carcinoma\w*|malignan\w+|raumforderung\w*|\w*karzinom\w*"
    r"|lung cancer",
    "cavity": r"cavit(?:y|ies|ation|ated|ary)\w*|kaverne\w*",
    "metastasis": r"metasta\w+|\w*filiae",
    "edema": r"o?edema|\w*ödem\w*|(?:heart|cardiac) failure|chf\b|fluid overload|(?:de)?[ck]ompensat\w+|dekompens\w+",
    "congestion": r"congesti\w+|vascular (?:engorgement|prominence|redistribution)|cephali[sz]ation"
    r"|\w*stauung\w*|gestaut\w*",
    "consolidation": r"[ck]onsolidat\w+|konsolidier\w+",
    "pneumonia": r"\w*pneumonia\w*|(?:chest|lung|pulmonary|lower respiratory) infection|pneumonie\w*"
    r"|\w+pneumonie|pneumonisch\w*"
    r"|lungenentzündung|pneumonic",
    "atelectasis": r"atelecta\w+|atelekta\w+|\w*dys?telekta\w+|\w*atelektase\w*|minderbelüft\w*|(?:lobar|lobe"
    r"|lung|segmental) collapse"
    r"|collapsed? (?:of (?:the )?)?(?:\w+ ){0,3}(?:lobe|lung)|volume loss|volumenminderung|belüftungsstörung\w*"
    r"|(?:lobe|lung) (?:is |has )?(?:completely |partially )?collapse[ds]?|teilkollabiert|lungenkollaps|collapse with",
    "pneumothorax": r"\w*pneumothora\w+|pneu\b|ptx\b|(?:visceral )?pleural line\b",
    "pleural effusion": r"(?<!pericardial )(?<!joint )(?<!knee )(?<!hip )(?<!ear )(?<!suprapatellar )"
    r"(?:effusions?|effn?s?\b)"
    r"|(?:hydro|h(?:a?e)mo|hämato|sero|pyo)-?pneumothora\w+|pleural (?:fluid|collection)"
    r"|\w*pleuraerg[uü]\w+|\berg[uü](?:ss|ß)\w*"
    r"|\w*randwinkelerg[uü]\w+|a fusion\b|h(?:a?e)mothora\w+|hämatothora\w+"
    r"|(?:hydro|chylo|pyo|sero)thora\w+|\w*empyem\w*|fluid (?:in"
    r"|within) the (?:\w+ )?fissure",
    "pleural thickening": r"pleural (?:thickening|plaques?|scar\w*|disease|calcification)|plaques?\b"
    r"|fibrothorax|\w*pleuraschw\w+"
    r"|pleuraverdick\w+|schwarte\w*|apical cap",
    "fracture": r"\w*fractures?(?! of the lead)|fractured(?! (?:\w+ )?lead)|\w*fraktur\w*|fx\b|\w+bruch\b"
    r"|(?:vertebral|compression) (?:collapse|deformity)|# ?(?=r|l|rib)",
    "emphysema": r"(?<!subcutaneous )(?<!surgical )(?<!mediastinal )emphysem\w*|copd\b|\w*überbläh\w*"
    r"|hyperinflat\w+|hyperexpan\w+",
    "subcutaneous emphysema": r"(?:subcutaneous|surgical) (?:emphysema|air|gas)|\w*hautemphysem\w*",
    "pneumomediastinum": r"pneumomediastin\w+|mediastinal (?:air|emphysema)",
    "pneumoperitoneum": r"pneumoperiton\w+|free (?:\w+ )?(?:air|gas)|freie luft",
    "pericardial effusion": r"pericardial (?:effusion|fluid)|perikarderg\w+|h(?:a?e)mopericard\w+",
    "hiatal hernia": r"hiat(?:al|us) hernia|hiatushernie",
    "interstitial disease": r"(?:pulmonary |lung |interstitial )fibro\w+|interstitial (?:lung )?disease"
    r"|honeycomb\w*|lungenfibrose|uip\b",
    "bronchiectasis": r"bronchie[ck]ta\w+",
    "granuloma": r"granulom\w+",
    "tuberculosis": r"tuber[ck]ul\w+",
    "pulmonary embolism": r"pulmonary embol\w+|embol(?:us|i|ism)\b|lungen(?:arterien)?embolie\w*"
    r"|filling defects?|lae\b|(?:kontrastmittel|füllungs)(?:aussparung|defekt)\w*",
    "lymphadenopathy": r"\w*adenopath\w+|enlarged (?:lymph )?nodes?|lymphknotenvergr\w+"
    r"|pathologi\w+ (?:vergrößerte )?lymphknoten",
    "dissection": r"dissection|dissektion|intimal flap",
    "aneurysm": r"aneurysm\w*",
    "hemorrhage": r"ha?emorrhage\w*|(?-i:SDH|SAH|EDH|ICH|SAB|ICB)\b|ha?ematoma\w*|\w*blutung\w*|hämatom\w*|bleed\w*",
    "infarct": r"infar[ck]t\w*|stroke|isch(?:a?e|ä)mi\w+",
    "midline shift": r"midline shift|mittellinienverlagerung",
    "hydrocephalus": r"hydroceph\w+|hydrozeph\w+",
    "abscess": r"abs[cz]ess\w*",
    "appendicitis": r"appendi[cz]itis",
    "obstruction": r"bowel obstruction|\bileus\b|sbo\b",
    "hydronephrosis": r"hydronephro\w+|harnstau\w*",
    "calculus": r"calcul(?:us|i)\b|(?:kidney |renal |ureteral |gall)?stones?\b|\w*konkrement\w*|nephrolith\w+"
    r"|urolith\w+",
    "cyst": r"cysts?\b|\w*zyste\w*",
    "degeneration": r"degenerat\w+|spondylo\w+|osteophyt\w*|scoliosis|skoliose|osteopor\w+|deminerali[sz]\w+",
    "contusion": r"contusion\w*|kontusion\w*",
    "bulla": r"bullae?\b|bullous",
    "pneumonitis": r"pneumonitis",
    "calcification": r"atheroscler\w+|aortic calcif\w+|aortensklerose|coronary calcif\w+",
    "elongation": r"(?:tortuous|elongated|unfolded|ectatic) (?:thoracic )?aorta|aorta (?:is )?(?:tortuous"
    r"|elongated|ectatic)",
    "diaphragm": r"(?:elevat\w+|raised) (?:of the )?(?:left |right )?(?:hemi)?diaphragm|zwerchfellhochstand",
}  # fmt: skip

TERMS: dict[str, re.Pattern[str]] = {
    name: re.compile(rf"(?<!\w)(?:{words})", re.IGNORECASE) for name, words in _WORDS.items()
}
"""Finding -> how it is written."""

LABEL_OF: dict[str, str] = {
    "cardiomegaly": "Cardiomegaly", "mediastinal widening": "Enlarged Cardiomediastinum", "opacity": "Lung Opacity",
    "interstitial disease": "Lung Opacity", "nodule": "Lung Lesion", "mass": "Lung Lesion", "cavity": "Lung Lesion",
    "metastasis": "Lung Lesion", "edema": "Edema", "congestion": "Edema", "consolidation": "Consolidation",
    "pneumonia": "Pneumonia", "atelectasis": "Atelectasis", "pneumothorax": "Pneumothorax",
    "pleural effusion": "Pleural Effusion", "pleural thickening": "Pleural Other", "fracture": "Fracture",
}  # fmt: skip
"""The label of CheXpert (Irvin et al. 2019) that a finding counts for; the others count for none."""

PAIRED = frozenset(
    ("opacity", "nodule", "mass", "cavity", "consolidation", "pneumonia", "atelectasis", "pneumothorax", "contusion",
     "pleural effusion", "pleural thickening", "fracture", "hydronephrosis", "calculus", "infarct",
     "subcutaneous emphysema", "pulmonary embolism", "hemorrhage")
)  # fmt: skip
"""Findings that have a side of their own."""

KIN = (
    frozenset(("opacity", "consolidation", "pneumonia", "contusion", "atelectasis", "congestion", "edema",
               "pneumonitis", "infarct", "interstitial disease", "tuberculosis")),
    frozenset(("nodule", "mass", "cavity", "metastasis", "granuloma", "tuberculosis", "opacity", "cyst")),
    frozenset(("mediastinal widening", "mass", "lymphadenopathy", "aneurysm", "dissection")),
    frozenset(("emphysema", "bulla")),
    frozenset(("pericardial effusion", "cardiomegaly")),
)  # fmt: skip
"""Findings that are conclusions from each other: the one in the impression stands for the other in the findings."""


def akin(one: str, other: str) -> bool:
    """Whether `one` may be said for `other`."""
    return one == other or any(one in group and other in group for group in KIN)
