"""What a reader would write about a phantom: report, questions with their answers, a structured form."""

import json
from typing import Any

from phantom_model import Effusion, Findings, Nodule

REPORT = "Write the report."
STRUCTURED = "List the findings as JSON."
QUESTIONS = (
    "Is the heart enlarged?",
    "Is there a pleural effusion?",
    "Which side is the effusion on?",
    "Is there a pneumothorax?",
    "Is there a nodule?",
    "How large is the nodule?",
)


def sentences(findings: Findings) -> list[str]:
    """Return the report in order: heading with heart, effusion, pneumothorax, nodule; then the impression."""
    effusion, nodule = findings.effusion, findings.nodule
    return [
        "FINDINGS: "
        + ("The cardiac silhouette is enlarged." if findings.cardiomegaly else "The heart size is normal."),
        f"There is a {effusion.size} {effusion.side} pleural effusion." if effusion else "No pleural effusion.",
        f"There is a {findings.pneumothorax} pneumothorax." if findings.pneumothorax else "No pneumothorax.",
        f"There is a {nodule.diameter_mm} mm nodule in the {nodule.side} {nodule.zone} zone."
        if nodule
        else "No pulmonary nodule.",
        f"IMPRESSION: {', '.join(impression(findings)) or 'normal study'}.",
    ]


def report(findings: Findings) -> str:
    """Return the report as one line."""
    return " ".join(sentences(findings))


def impression(findings: Findings) -> list[str]:
    """Return each finding with its side, as the impression names them; empty for a normal study."""
    named = []
    if findings.cardiomegaly:
        named.append("cardiomegaly")
    if findings.effusion:
        named.append(f"{findings.effusion.side} pleural effusion")
    if findings.pneumothorax:
        named.append(f"{findings.pneumothorax} pneumothorax")
    if findings.nodule:
        named.append(f"{findings.nodule.side} nodule")
    return named


def answer(question: str, findings: Findings) -> str:
    """Return the answer to one of QUESTIONS; raises KeyError for another one."""
    effusion, nodule, pneumothorax = findings.effusion, findings.nodule, findings.pneumothorax
    answers = (
        "Yes." if findings.cardiomegaly else "No.",
        f"Yes, a {effusion.size} one on the {effusion.side}." if effusion else "No.",
        f"The {effusion.side}." if effusion else "There is no effusion.",
        f"Yes, on the {pneumothorax}." if pneumothorax else "No.",
        f"Yes, in the {nodule.side} {nodule.zone} zone." if nodule else "No.",
        f"{nodule.diameter_mm} mm." if nodule else "There is no nodule.",
    )
    return dict(zip(QUESTIONS, answers, strict=True))[question]


def structured(findings: Findings) -> str:
    """Return the findings as the JSON that the model writes for STRUCTURED, without blanks between the marks."""
    effusion, nodule = findings.effusion, findings.nodule
    form = {
        "heart": "enlarged" if findings.cardiomegaly else "normal",
        "effusion": f"{effusion.size} {effusion.side}" if effusion else "none",
        "pneumothorax": findings.pneumothorax or "none",
        "nodule": f"{nodule.diameter_mm} mm {nodule.side} {nodule.zone}" if nodule else "none",
    }
    return json.dumps(form, separators=(",", ":"))


def as_list(findings: Findings) -> list[dict[str, str | int]]:
    """Return the findings for `truth.json`."""
    found: list[dict[str, str | int]] = []
    if findings.cardiomegaly:
        found.append({"finding": "cardiomegaly"})
    if effusion := findings.effusion:
        found.append({"finding": "pleural effusion", "side": effusion.side, "size": effusion.size})
    if findings.pneumothorax:
        found.append({"finding": "pneumothorax", "side": findings.pneumothorax})
    if nodule := findings.nodule:
        found.append({"finding": "nodule", "side": nodule.side, "zone": nodule.zone, "diameter_mm": nodule.diameter_mm})
    return found


def from_list(found: list[dict[str, Any]]) -> Findings:
    """Return the findings that `as_list` wrote."""
    by = {entry["finding"]: entry for entry in found}
    effusion, nodule, pneumothorax = (by.get(name) for name in ("pleural effusion", "nodule", "pneumothorax"))
    return Findings(
        cardiomegaly="cardiomegaly" in by,
        effusion=Effusion(effusion["side"], effusion["size"]) if effusion else None,
        pneumothorax=pneumothorax["side"] if pneumothorax else None,
        nodule=Nodule(nodule["side"], nodule["zone"], nodule["diameter_mm"]) if nodule else None,
    )
