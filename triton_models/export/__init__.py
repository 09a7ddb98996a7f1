"""Checkpoints and adapters in, model folders out: export, verification, card. An environment of its own (`export`).

    python triton_models/export/main.py JOB.json

`preread models add` writes the job and starts this with a Python that has the extra; the service imports none of it.

A family is one file in `families/`, found by the architecture that the checkpoint's config.json names. It holds

    ARCHITECTURES   the names in config.json's `architectures` that it takes
    INEXACT         sentences for the card about what is not as the makers do it; () where nothing is
    check           config -> None; raises ExportError for a variant that it cannot export
    take_apart      checkpoint -> Parts: the framework's model in fp32, and its parts as the graphs have them
    form            checkpoint, parts -> the `preread.json` of the folder (and with it the engine: key "engine")
    pixels          checkpoint, image -> pixel_values as the makers' processor makes them (families with images)
    TEMPLATE        a Jinja chat template, for checkpoints that bring none (optional)
    write_decoder   checkpoint, parts, out, precision -> None: writes model.onnx and genai_config.json (optional;
                    without it the builder of ONNX Runtime GenAI writes them from `parts.decoder`)
    JOINS           which of the framework's modules are which matrices of the graph, for adapters; () where both are
                    the same. A family without it has no adapters in its graph (optional)
    run_decoder     out, embeddings, adapter -> logits: how the written decoder is asked when its logits are compared
                    (optional)

and nothing else. What all families share (graphs, tokenizer files, comparisons, goldens, card) stands beside it. A
family is listed once its test in tests/contract/export takes a tiny checkpoint from the hub's layout to tokens.
"""
