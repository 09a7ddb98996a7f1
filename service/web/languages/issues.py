"""Issues: what the second opinion says of a report, by the forms of its sentences (`service/domain/quality`)."""

from __future__ import annotations


def say_later(message: str) -> str:
    """Marks a message whose values are read out of what was said."""
    return message


ISSUES = (
    say_later("The impression calls the examination normal; the findings state {finding}: correct one."),
    say_later("The impression denies {finding}, the findings state it: correct one of them."),
    say_later("The impression states {finding}, the findings deny it: correct one of them."),
    say_later("The impression states {finding}, which the findings do not describe: describe it, or leave it out."),
    say_later("The report has no {part}: write that section."),
    say_later("The impression says {side} for {finding}, the findings {other}: correct one."),
    say_later("The AI reading has {finding} on the {side}, the report on the {other}: look again."),
    say_later("The header says that the {side} side was examined; the report speaks of the {other} one."),
    say_later("{words} does not exist, unless the chest is inverted: correct the side or the lobe."),
    say_later("{words} does not go with a patient whom the header calls {sex}: check patient and text."),
    say_later("{words} is not shown by an examination of {region}: check study and text."),
    say_later("{words} was not filled in: fill it in, or delete it."),
    say_later("Nothing stands after {words}: fill it in, or delete the header."),
    say_later("The findings state {finding} and deny it ({words}): keep what is right."),
    say_later("The AI reading has {finding}, the report does not mention it: add it or deny it."),
    say_later(
        "{words} compares, but the report says that there is none: name the earlier examination, or leave the word out."
    ),
    say_later(
        "{words} compares, but no earlier examination is named or known here: name the earlier examination, or leave "
        "the word out."
    ),
    say_later("{size} is not a plausible size of {finding}: check number and unit."),
    say_later("{size} is not a plausible size: check number and unit."),
    say_later("{words} is not plausible: check the number."),
    say_later("The impression says {size}, the findings {other}: correct one of them."),
    say_later("The AI reading measured {size} mm, the report says {other}: measure again."),
    say_later("{words} gives a length in a unit of something else: write mm or cm."),
    say_later("The impression names {device}, the findings do not: describe it, or leave it out."),
    say_later("{device}: removed or absent here, in place elsewhere in the report. Correct one of them."),
    say_later("The findings have {device} misplaced, the impression calls it well placed: correct one."),
    say_later("{device}: its tip is described where such a device does not belong. Check device and place."),
    say_later("{device}: not well placed at that distance. Check the number, or say what to do."),
    say_later("{words} looks like {meant}: correct it if that is meant."),
    say_later("{words} sounds like {meant}: correct it if that is meant."),
    say_later("{words} stands twice: delete one."),
    say_later("{words} was dictated as a command: delete it."),
    say_later("{words} may deny both or state the second: say which."),
    say_later("The report denies {finding}, the AI reading does not: look at the images again."),
    say_later("The report states {finding}, the AI reading does not: look at the images again."),
    say_later("The order asks for {wanted}, the images are of {there}: check order and study."),
    say_later("The order asks for the {side} side, the header says {other}: check order and images."),
    say_later("The order asks about {finding}, the report does not answer: say whether it is there."),
    say_later("The order says that the {side} side was examined; the report speaks of the {other} one."),
    say_later("{number} has no unit: add it."),
    say_later("{why} So says a model: look for yourself."),
)
