"""Reasons: why something was not read, not signed or not asked, by the forms of its sentences (flow, workers, ledger).

What names a library, a peer's answer or a model's own words is not here: it stays as it was said.
"""

from __future__ import annotations

from service.web.languages.issues import say_later

REASONS = (
    # why nothing can be signed, added or rejected (service/flow/sign)
    say_later("an empty report cannot be signed: reject the draft, or write what you see"),
    say_later("the report no longer says what the form {form} says: fill it again, or sign without it"),
    say_later("an addendum says something"),
    say_later("a rejection needs its reason in words"),
    say_later("this report is signed: add to it instead"),
    say_later("a signature names the organisation: set site.institution and restart"),
    say_later("only a signed report has addenda: sign it, or edit the draft"),
    say_later("who signed this report can have it written again, or an operator: run its canceled job again"),
    say_later("this report is being written, or is written already: reload the page"),
    say_later(
        "this reading is not the newest of its study any more: open the study's review again, which shows the newer "
        "one, and sign or reject that"
    ),
    say_later("this reading is {state}: there is nothing to sign"),
    say_later("this reading is in shadow, nothing of it leaves: make its rule live before you sign"),
    say_later("images that job {job} read were rejected since; `{command}` reads what is left"),
    say_later("the draft that was signed has no report any more"),
    say_later("the signed report could not be written in a valid form: {why}"),
    # why nothing is completed or asked (service/flow/complete, ask, prose; workers/pipeline/prompt)
    say_later("there is no such draft of this study"),
    say_later("no draft of this study was made yet"),
    say_later("no model read this study: {why}"),
    say_later("the draft of this study was withdrawn, and its model is not asked to go on with it"),
    say_later("the served {model} is not the model of its card: load the one that was verified"),
    say_later("the study has no image {image}; only images of the study at hand are looked at, and no others"),
    say_later(
        "the images of this study are no longer here: nothing can be asked of them; ask the report, or have the study "
        "sent again"
    ),
    say_later("no model of this reading answers questions about images; its card would say so"),
    say_later("no model of this reading continues text"),
    say_later("the model can be asked only whether, where, on which side and how large these are: {known}"),
    say_later("{model} answers no questions about images"),
    say_later("{model} does not look for {finding} on such an image"),
    say_later("{model} reads none of these images"),
    say_later("there is no question: send one as `question`"),
    say_later("a question has at most {number} characters, this one has more: ask one thing at a time"),
    say_later(
        "this answers about the report at hand alone, and the question names another patient, study or number: open "
        "that study, and ask there"
    ),
    say_later("a change can be told only beside a prior report of the same patient: send it as `prior`"),
    say_later("the report is being saved by too many at once"),
    say_later("the recorded report is not of the form that this version reads ({why})"),
    say_later("what this reading kept is not of the form that this version reads ({why})"),
    # why a study was not read, or not all of it (service/domain/algorithm, workers/pipeline)
    say_later("{name} is {found}; the model reads {wanted}"),
    say_later("view position"),
    say_later("not stated"),
    say_later("no contrast agent is stated; the model reads images with one"),
    say_later("a contrast agent is stated; the model reads images without one"),
    say_later("the slice thickness is not stated; the model reads up to {most} mm"),
    say_later("slices are {found} mm thick; the model reads up to {most} mm"),
    say_later("the patient's age is not stated; the model is limited by age"),
    say_later("the patient is {age} years old; the model reads {low} to {high}"),
    say_later("{kind} is not an image"),
    say_later("only {number} images of a study are read"),
    say_later("only {number} series of a study are read"),
    say_later("{count} of {of} images: {why}"),
    say_later("the rule no longer takes any series"),
    say_later("its answers were not kept, and encoding again asks no model"),
    say_later("reading it ended its worker {number} times"),
    say_later("its deadline passed before a model could read it"),
    say_later("no answer was kept"),
    say_later("no model was asked"),
    say_later("a sentence that compares with an earlier study, which its author has not seen, is left out"),
    say_later("a sentence that says {words} is left out, because nothing that was measured carries it"),
    say_later("the model contradicts itself about {finding}, so nothing is told of it"),
    say_later("the model contradicts itself about {finding}; what is told of it rests on the other images"),
    say_later("the model's answer has no FINDINGS and IMPRESSION"),
    say_later("the model wrote a sentence that has no coded meaning for this view"),
    say_later("the model states the same finding twice or both ways"),
    say_later("the model left out a finding that it always states"),
    say_later("the model's impression contradicts its own findings"),
    say_later("the model's impression names what has no coded meaning for this view"),
    say_later("its report could not be written in a valid form ({why})"),
    say_later("superseded by a later manifest"),
    say_later("superseded by a later manifest that its rule does not take"),
    # who is away (service/adapters)
    say_later("the model server is away"),
    say_later("the local model server is away"),
    say_later("the local model server went away"),
    say_later("{model} is not served right now"),
    say_later("{model} was silent for {seconds} s"),
    say_later("the model did not finish before the question's deadline"),
    say_later("the ledger was busy for {seconds} s"),
    say_later("the ledger ({where}) is locked or away"),
)
