"""In which language a command speaks: the terminal's, or the one that `--language` names; its errors too."""

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from agent.desktop.texts import LANGUAGES, Texts, language_of

KEY = "agent.spoken"
Command = TypeVar("Command", bound=Callable[..., Any])


class Spoken:
    """One run of a command. Made before the command line is read, so that what is wrong with that is told like all else."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.language = language_of(environ)

    @property
    def texts(self) -> Texts:
        """The words."""
        return Texts(self.language)


def language_option(command: Command) -> Command:
    """`--language` of a command; it gets the language's `texts`."""

    def chosen(context: click.Context, _: click.Parameter, value: str | None) -> Texts:
        spoken: Spoken = context.meta.setdefault(KEY, Spoken(os.environ))
        spoken.language = value or spoken.language
        return spoken.texts

    return click.option(
        "--language",
        "texts",
        type=click.Choice(LANGUAGES),
        is_eager=True,
        callback=chosen,
        help="Language (default: the terminal's).",
    )(command)
