"""What a graph's outputs say: the scores, boxes or mask of an answer, checked against the model's form."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import boxes
from engine.calibration import activated, calibrated, probabilities
from engine.folder import ModelError
from engine.image_contract import Answer
from engine.image_fit import Fit
from engine.image_form import ImageModel, Shape

Outputs = Mapping[str, NDArray[Any]]


def read(outputs: Outputs, model: ImageModel, where: Fit) -> Answer:
    """Return what `outputs` say of the source; raises ModelError for other shapes than the form's, and for NaN."""
    match model.task:
        case "classification":
            return _scores(outputs, model)
        case "detection":
            return _boxes(outputs, model, where)
    return _mask(outputs, model, where)


def dense(outputs: Outputs, model: ImageModel, size: Shape) -> NDArray[np.float32]:
    """Return a segmenter's raw output over an input of `size` as (channels, slices, rows, columns)."""
    output = _only(outputs, model)
    inner = size if model.input.dimensions == 3 else size[1:]
    wanted = (len(model.channels), *inner)
    if output.shape not in {wanted, (1, *wanted), (wanted[0], *size)}:
        raise _other_shape(output, model, [1, *wanted])
    return np.asarray(output, np.float32).reshape(len(model.channels), *size)


def finite(output: NDArray[Any], model: ImageModel) -> NDArray[Any]:
    """Return `output` if it is numbers; raises ModelError."""
    if not np.isfinite(output).all():
        raise ModelError(f"{model.name}: its output is not numbers: verify the model and its runtime")
    return output


def _scores(outputs: Outputs, model: ImageModel) -> Answer:
    output = _only(outputs, model)
    if output.size != len(model.channels):
        raise _other_shape(output, model, [1, len(model.channels)])
    given = probabilities(np.asarray(output, np.float32).reshape(-1), model)
    meant = [(name, value) for name, value in zip(model.channels, given, strict=True) if name]
    return Answer(names=tuple(n for n, _ in meant), probabilities=np.array([p for _, p in meant], np.float32))


def _boxes(outputs: Outputs, model: ImageModel, where: Fit) -> Answer:
    """Boxes at or above their class's threshold with something of the image in them, the most probable first."""
    assert model.boxes is not None
    found, scores, labels = _candidates(outputs, model, where)
    least = np.array([model.classes[name].threshold if name else np.inf for name in model.channels])
    above = scores >= least[labels]
    found, scores, labels = found[above], scores[above], labels[above]
    kept = boxes.strongest(found, scores, labels, model.boxes)
    in_source = where.boxes_in_source(found[kept])
    inside = (in_source[:, 2:] > in_source[:, :2]).all(axis=1)
    return Answer(
        names=tuple(str(model.channels[label]) for label in labels[kept][inside]),
        probabilities=scores[kept][inside].astype(np.float32),
        boxes=in_source[inside],
    )


def _candidates(outputs: Outputs, model: ImageModel, where: Fit) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return edges (n, 4) in the canvas, probabilities (n) and the channels of their classes (n).

    A box whose scores have one column for each class is a candidate of every class.
    """
    form, channels = model.boxes, len(model.channels)
    assert form is not None
    given = finite(outputs[form.boxes], model)
    if given.shape[-1] != 4:
        raise _other_shape(given, model, ["n", 4])
    found = boxes.edges(given, form, *where.canvas[1:])
    raw = np.asarray(finite(outputs[form.scores], model), np.float32)
    wanted = len(found) if form.labels else len(found) * channels
    if raw.size != wanted:
        raise _other_shape(raw, model, [len(found)] if form.labels else [len(found), channels])
    if not form.labels:
        scores = probabilities(raw.reshape(len(found), channels).T, model)
        return np.tile(found, (channels, 1)), scores.ravel(), np.repeat(np.arange(channels), len(found))
    labels = np.asarray(outputs[form.labels]).reshape(-1).astype(np.intp)
    if len(labels) != len(found) or (labels.size and not 0 <= labels.min() <= labels.max() < channels):
        raise ModelError(f"{model.name}: {form.labels} must name one of {channels} classes for each box")
    return found, _labelled(raw.reshape(-1), labels, model), labels


def _labelled(raw: NDArray[Any], labels: NDArray[Any], model: ImageModel) -> NDArray[Any]:
    """Return the calibrated probability of each box, whose class its label names."""
    found = activated(raw, model)
    for channel, name in enumerate(model.channels):
        here = labels == channel
        found[here] = calibrated(found[here], name, model)
    return found


def _mask(outputs: Outputs, model: ImageModel, where: Fit) -> Answer:
    """Each pixel's most probable class, of those that reach their threshold; none where the background is more so."""
    given = probabilities(dense(outputs, model, where.canvas), model)
    names = tuple(name for name in model.channels if name)
    best, labels = np.zeros(where.source, np.float32), np.zeros(where.source, np.uint8)
    for name, values in zip(model.channels, given, strict=True):
        here = where.in_source(values, "bilinear")
        least = model.classes[name].threshold if name else 0.0
        wins = (here > best) & (here >= least)
        best[wins], labels[wins] = here[wins], names.index(name) + 1 if name else 0
    return Answer(names=names, mask=labels)


def _only(outputs: Outputs, model: ImageModel) -> NDArray[Any]:
    """Return the first output, which a classifier and a segmenter are read from."""
    return finite(next(iter(outputs.values())), model)


def _other_shape(output: NDArray[Any], model: ImageModel, wanted: list[Any]) -> ModelError:
    said = ", ".join(map(str, wanted))
    return ModelError(
        f"{model.name}: the graph gives {list(output.shape)}, and by preread.json it would be [{said}]: correct "
        "input.size or output.classes"
    )
