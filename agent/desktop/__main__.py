"""`python -m agent.desktop`: what `handrail-agent desktop` becomes. It loads nothing of the daemon."""

import os
import signal
import sys
from pathlib import Path

import click
from PySide6.QtCore import QLocale
from PySide6.QtWidgets import QApplication

from agent.desktop.app import Desktop
from agent.desktop.instance import Instance, hand_over
from agent.desktop.parts import dress
from agent.desktop.pictures import icon
from agent.desktop.texts import LANGUAGES, Texts, chosen_language
from agent.settings import default_home, load_settings

COLOURS = ("auto", "dark", "light")


@click.command()
@click.option("--home", type=click.Path(path_type=Path))
@click.option("--theme", type=click.Choice(COLOURS), default="auto")
@click.option("--language", type=click.Choice(LANGUAGES), default=None)
@click.option("--get-help", is_flag=True)
def main(home: Path | None, theme: str, language: str | None, get_help: bool) -> None:
    """The desktop side of one agent."""
    settings = load_settings(home if home is not None else default_home(os.environ), os.environ)
    application = QApplication(sys.argv[:1])
    application.setApplicationName("handrail-agent")
    application.setApplicationDisplayName("Handrail")
    application.setDesktopFileName("handrail-desktop")
    application.setQuitOnLastWindowClosed(False)
    application.setWindowIcon(icon())
    if hand_over(settings.home, get_help=get_help):
        return
    dress(application, theme)
    desktop = Desktop(settings, Texts(language or chosen_language(QLocale.system().uiLanguages())))
    instance = Instance(settings.home, desktop.wanted)
    for number in (signal.SIGTERM, signal.SIGINT):
        # Python handles a signal between two of its own instructions: at the latest with the next tick of the clock. Not by
        # `quit`, which asks every window first, and ours do not close.
        signal.signal(number, lambda _number, _frame: application.exit(0))
    desktop.start(get_help=get_help)
    code = application.exec()
    instance.close()
    desktop.close()
    sys.exit(code)


if __name__ == "__main__":
    main()
