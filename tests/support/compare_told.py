"""Run by a Python with the extra `export`: a plain engine's answers beside those of the framework's model.

    python tests/support/compare_told.py CHECKPOINT MODEL PROMPTS TOKENS

Prompts with none, one and two images, some with the beginning of an answer. Prints one JSON line: how many answers have
the framework's tokens, the largest difference of a logit over all of them, and how many of those about images would be
the same from a decoder that is not told what an image is: that the comparison can fail.
"""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "triton_models"))
os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}

import numpy as np
import torch
from engine import goldens
from engine.contract import ImageRef, Request, Text
from engine.folder import DecoderForm
from export.checkpoint import open_checkpoint
from export.families import qwen2_5_vl
from export.family import find
from transformers import AutoModelForImageTextToText

QUESTIONS = ("Write the report.", "Is the heart enlarged?", "Is there a pleural effusion?", "List 14 mm nodules.")


def request_of(number, count):
    """Return the question `number`: 0 to 2 images of various sizes, then words."""
    images = tuple(goldens.draw(number * 3 + n, 90 + 13 * number, 200 - 5 * number) for n in range(number % 3))
    words = Text(QUESTIONS[number % len(QUESTIONS)] + " the" * (number % 5))
    begun = ("", "The heart", " is")[number // 3 % 3]
    return Request((*map(ImageRef, range(len(images))), words), images, prefix=begun, max_tokens=count)


def told(engine, request):
    """Return the engine's tokens, and the logits that it chose them by."""
    prompt, pixels = engine._words.prompt(request, engine.folder.image), engine._pixels(request)
    writing, tokens, logits = engine._begin(prompt, pixels, request, request.max_tokens).prompt, [], []
    while len(tokens) < request.max_tokens and not (tokens and tokens[-1] in engine._words.ends):
        logits.append(writing.step(tokens[-1]) if tokens else writing.read())
        tokens.append(int(np.argmax(logits[-1])))
    return prompt.tokens, pixels, tokens, np.stack(logits)


def theirs(whole, ids, pixels):
    """Return the framework's logits (length, vocabulary) of a whole answer in one pass."""
    image = (ids == whole.config.image_token_id).int()
    if whole.config.model_type == "gemma3":
        shown = {"pixel_values": pixels, "token_type_ids": image}
    else:
        whole.model.rope_deltas = None
        shown = {}
        if pixels is not None:
            patches, grid = qwen2_5_vl.patched(pixels, whole.config.vision_config)
            shown = {"pixel_values": patches, "image_grid_thw": grid, "mm_token_type_ids": image}
    return whole(input_ids=ids, attention_mask=torch.ones_like(ids), **shown).logits[0].numpy()


@torch.no_grad()
def main(checkpoint, model, prompts, count):
    """Compare, and print what was found."""
    torch.set_num_threads(1)
    opened = open_checkpoint(Path(checkpoint))
    parts, engine = find(opened)[1].take_apart(opened), goldens.load_engine(Path(model))
    whole = AutoModelForImageTextToText.from_pretrained(checkpoint, dtype=torch.float32).eval()
    requests = [request_of(number, count) for number in range(prompts)]
    same, apart, largest, wanted = 0, 0.0, 0.0, []
    for request in requests:
        asked, pixels, tokens, logits = told(engine, request)
        shown = None if pixels is None else torch.from_numpy(pixels)
        wanted.append(parts.generate(torch.from_numpy(asked[None].astype(np.int64)), shown, count))
        same += tokens == wanted[-1]
        # An image token that the model writes is a word to it, and a missing image to the framework's single pass.
        images = [*(at for at, token in enumerate(tokens) if token == parts.image_token), len(tokens) - 1]
        everything = torch.from_numpy(np.concatenate([asked, tokens[: images[0]]])[None].astype(np.int64))
        known = theirs(whole, everything, shown)[len(asked) - 1 :]
        logits = logits[: len(known)]
        apart, largest = max(apart, float(np.abs(known - logits).max())), max(largest, float(np.abs(known).max()))
    decoder = DecoderForm(sliding_window=engine.folder.decoder.sliding_window)
    engine.folder = replace(engine.folder, decoder=decoder, image=replace(engine.folder.image, grid=None))
    seeing = [(request, answer) for request, answer in zip(requests, wanted, strict=True) if request.images]
    blind = sum(told(engine, request)[2] == answer for request, answer in seeing)
    print(json.dumps({
        "prompts": prompts, "same": same, "logits_apart": apart, "largest_logit": largest,
        "with_images": len(seeing), "with_images_same_untold": blind,
        "tokens": sum(map(len, wanted)), "different_answers": len(set(map(tuple, wanted))),
    }))  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
