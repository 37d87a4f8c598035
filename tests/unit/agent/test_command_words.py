"""The language of a command: what it was told, else the terminal's; errors are told in it too."""

import click
import pytest
from click.testing import CliRunner

from agent.command_words import KEY, Spoken, language_option
from agent.desktop.texts import Texts


@click.command()
@language_option
def speak(texts: Texts) -> None:
    click.echo(texts("command.ended"))


@pytest.mark.parametrize(
    ("arguments", "lang", "said"),
    [([], "de_DE.UTF-8", "Beendet."), ([], "C.UTF-8", "Ended."), (["--language", "en"], "de_DE.UTF-8", "Ended.")],
)
def test_the_option_goes_before_the_terminal(arguments: list[str], lang: str, said: str) -> None:
    assert CliRunner().invoke(speak, arguments, env={"LC_ALL": lang}).output.strip() == said


def test_what_was_chosen_is_known_where_the_errors_are_told() -> None:
    spoken = Spoken({"LANG": "en_GB.UTF-8"})
    context = click.Context(speak)
    context.meta[KEY] = spoken
    with context:
        speak.make_context("speak", ["--language", "de"], parent=context)
    assert spoken.texts.language == "de"


def test_no_other_language_is_taken() -> None:
    assert CliRunner().invoke(speak, ["--language", "tlh"]).exit_code == 2
