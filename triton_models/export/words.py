"""The tokenizer's files and the chat template, as the serving engine reads them."""

import hashlib
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import onnxruntime_genai as og
from engine.folder import ImageForm

from export.checkpoint import Checkpoint, read_json
from export.trouble import ExportError

FILES = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
    "merges.txt", "tokenizer.model", "generation_config.json",
)  # fmt: skip
TEMPLATE = "chat_template.jinja"
SPECIAL = ("bos_token", "eos_token", "unk_token", "pad_token")
"""What chat templates may name."""
GIST = 160


def copy_tokenizer(source: Path, out: Path) -> None:
    """Copy what a checkpoint has of a tokenizer."""
    for name in FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, out / name)


def write_words(checkpoint: Checkpoint, out: Path, *, own: str | None, given: Path | None) -> None:
    """Write tokenizer.json, tokenizer_config.json and the chat template into `out`, beside genai_config.json.

    A checkpoint with a slow tokenizer alone gets its tokenizer.json from the framework. A template that the runtime
    cannot read (it knows a part of Jinja) is replaced by the family's `own`; the goldens compare what both write.
    """
    if (checkpoint.path / "tokenizer.json").is_file():
        shutil.copyfile(checkpoint.path / "tokenizer.json", out / "tokenizer.json")
    else:
        _make_fast(checkpoint, out)
    config = checkpoint.file("tokenizer_config.json")
    config.pop("chat_template", None)  # the template in its own file counts
    (out / "tokenizer_config.json").write_text(
        json.dumps(config, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    (out / TEMPLATE).write_text(chat_template(checkpoint, own=own, given=given), encoding="utf-8")
    if (reason := unreadable(out)) and own is not None and given is None:
        (out / TEMPLATE).write_text(own, encoding="utf-8")
        reason = unreadable(out)
    if reason:
        raise ExportError(
            f"the runtime cannot read the chat template ({reason}): name another with --chat-template FILE"
        )


def unreadable(out: Path) -> str:
    """Return why the runtime cannot write a prompt by the template in `out`; "" where it can."""
    tokenizer = og.Tokenizer(str(out))
    reason = ""
    for content in ("Write the report.", [{"type": "text", "text": "Write the report."}]):
        message = json.dumps([{"role": "user", "content": content}])
        try:
            if "Write the report." in tokenizer.apply_chat_template(message, add_generation_prompt=True):
                return ""
        except RuntimeError as error:
            reason = str(error).splitlines()[0][:GIST]
    return reason or "it leaves the question out"


def chat_template(checkpoint: Checkpoint, *, own: str | None, given: Path | None) -> str:
    """Return the template that turns a question into the prompt: given, the checkpoint's, or its family's `own`.

    Raises ExportError where there is none.
    """
    if given is not None:
        return given.read_text(encoding="utf-8")
    if (checkpoint.path / TEMPLATE).is_file():
        return (checkpoint.path / TEMPLATE).read_text(encoding="utf-8")
    for name in ("chat_template.json", "processor_config.json", "tokenizer_config.json"):
        if found := _written(checkpoint.file(name).get("chat_template")):
            return found
    if own is None:
        raise ExportError(f"{checkpoint.path} has no chat template: name one with --chat-template FILE")
    return own


def _written(template: Any) -> str:
    """The default one where a tokenizer names several."""
    if isinstance(template, list):
        return next((str(one["template"]) for one in template if one.get("name") == "default"), "")
    return template if isinstance(template, str) else ""


def _make_fast(checkpoint: Checkpoint, out: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _tokenizer(checkpoint.path).save_pretrained(folder)
        if not (made := Path(folder) / "tokenizer.json").is_file():
            raise ExportError(f"{checkpoint.path} has a tokenizer that cannot be written as tokenizer.json")
        shutil.copyfile(made, out / "tokenizer.json")


def prompt_of(
    checkpoint: Checkpoint, template: str, text: str, form: ImageForm | None, *, images: int
) -> tuple[str, list[int]]:
    """Return what the framework's tokenizer makes of a question: the prompt's digest, as the engine tells it; ids."""
    shown = form.text if form else ""
    if form and form.mark:
        content: Any = [{"type": "image"}] * images + [{"type": "text", "text": text}]
        written = _templated(checkpoint, template, content).replace(form.mark, shown)
    else:
        written = _templated(checkpoint, template, shown * images + text)
    ids = _tokenizer(checkpoint.path)(written, add_special_tokens=False)["input_ids"]
    return f"sha256:{hashlib.sha256(written.encode()).hexdigest()}", list(ids)


def mark_of(checkpoint: Checkpoint, template: str, token: str) -> str:
    """Return `token` where the chat template writes it itself for an image among the parts of a question, else ""."""
    content = [{"type": "image"}, {"type": "text", "text": "Write the report."}]
    try:
        written = _templated(checkpoint, template, content)
    except (jinja2.TemplateError, TypeError):
        return ""
    return token if written.count(token) == 1 and "'type'" not in written else ""


def _templated(checkpoint: Checkpoint, template: str, content: Any) -> str:
    message = [{"role": "user", "content": content}]
    return str(
        _tokenizer(checkpoint.path).apply_chat_template(
            message, chat_template=template, add_generation_prompt=True, tokenize=False
        )
    )


@cache
def _tokenizer(source: Path) -> Any:
    """The checkpoint's tokenizer: its published tokenizer.json as it is, where it has one.

    transformers 5 builds some tokenizers anew from their configuration (LlamaTokenizer among them), and then reads a
    word after a mark otherwise than the file that the makers published, and that the runtime reads. A config.json is
    not looked at: it may ask for the makers' code to be run.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    if (source / "tokenizer.json").is_file():
        told = read_json(source / "tokenizer_config.json") if (source / "tokenizer_config.json").is_file() else {}
        marks = {name: _content(told[name]) for name in SPECIAL if told.get(name)}
        return PreTrainedTokenizerFast(tokenizer_file=str(source / "tokenizer.json"), **marks)
    with tempfile.TemporaryDirectory() as folder:
        copy_tokenizer(source, Path(folder))
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def _content(token: Any) -> str:
    """The text of a mark, which tokenizer_config.json writes as text or as a table."""
    return str(token["content"] if isinstance(token, dict) else token)
