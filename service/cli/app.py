"""The command tree's top: global options, and the settings that every verb gets."""

from __future__ import annotations

import logging
import sys
import tomllib
import warnings
from importlib import metadata
from pathlib import Path
from typing import Annotated

import structlog
import typer
from pydantic import ValidationError
from pydantic_settings.exceptions import SettingsError

from service import logs
from service.cli.verbs import PROCESSES, Verbs
from service.cli.wrong import sentences
from service.domain.errors import Misconfigured
from service.settings import Settings

app = typer.Typer(
    name="preread",
    help="The AI pre-read service for a PACS.",
    cls=Verbs,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _version(asked: bool) -> None:
    if asked:
        print(f"preread {metadata.version('preread')}")
        raise typer.Exit


@app.callback()
def common(
    context: typer.Context,
    settings: Annotated[
        Path | None,
        typer.Option(
            envvar="PREREAD_SETTINGS",
            exists=True,
            dir_okay=False,
            help="preread.toml; the environment (PREREAD_...) wins over it.",
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version this is, and end.")
    ] = False,
) -> None:
    """Read the settings once; every verb gets the same frozen object."""
    verb = context.invoked_subcommand or "preread"
    logs.configure(process=verb)
    _hush(verb)
    context.obj = _load(settings)


def _hush(verb: str) -> None:
    """pydicom quotes the value it complains of, which may be a patient's name (invariant 11); and a verb says itself
    what a person needs to know, in one sentence."""
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    if verb not in PROCESSES:
        logging.disable(logging.CRITICAL)
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def _load(file: Path | None) -> Settings:
    try:
        return Settings.load(file)
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{file}: not valid TOML: {error}") from error
    except UnicodeDecodeError as error:
        raise Misconfigured(f"{file}: not text in UTF-8; write it with a text editor") from error
    except SettingsError as error:
        raise Misconfigured(f"a PREREAD_ variable cannot be read: {error}; write PREREAD_PART__NAME=VALUE") from error
    except ValidationError as error:
        raise Misconfigured(sentences(error, file)) from error
