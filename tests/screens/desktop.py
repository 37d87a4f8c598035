"""Draws every window of the assisted person, the tray's menu and the pointing hand's drawings into build/screens/desktop.

python -m tests.screens.desktop [LANGUAGE]     light and dark, English and German, on a display of its own
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from agent.allowed import AllowedHere, ApprovedFix, ListedTechnician
from agent.consent import wishes_for
from agent.desktop.about_window import AboutWindow
from agent.desktop.allowed_window import AllowedWindow
from agent.desktop.app import Desktop
from agent.desktop.parts import dress
from agent.desktop.receipt_window import ReceiptWindow
from agent.desktop.state import DesktopState
from agent.desktop.texts import LANGUAGES, Texts
from agent.local_messages import (
    ChatHeard,
    CodeShown,
    ConsentAsked,
    Happened,
    PlaceShown,
    RelayChanged,
    SessionChanged,
    StrokeDrawn,
)
from agent.receipts import ReceiptEvent, ReceiptRow, ReceiptShown
from agent.settings import AgentSettings
from agent.status import SessionStatus
from protocol.articles import parse_article
from protocol.capabilities import Capability
from tests.kit.desk import AWAY, CONNECTED, asking
from tests.kit.display import virtual_display
from tests.kit.processes import ROOT

TARGET = ROOT / "build" / "screens" / "desktop"
NOW = 1_795_262_400.0
SESSION = "00aa11bb22cc33dd"
ARTICLE = """# The printer does not print
Words: printer, print

Most of the time it is one of these:

- The printer is off, or shows an error. Switch it off, wait ten seconds, switch it on.
- There is no paper in tray 2.
- You are not in the office's network: the printer on the second floor prints for the office only.

Try to print one page now.
"""
ALL = [one for one in Capability if one is not Capability.TERMINAL_ROOT]


def receipt() -> ReceiptShown:
    """A session with a bit of everything."""
    happened = [
        ("session opened", {"granted": "view, chat, control, fixes"}),
        ("capability granted", {"capability": "files_in"}),
        ("recording started", {}),
        ("file received", {"path": "Documents/driver.zip", "size": 48213}),
        ("fix started", {"id": "restart-print-service", "version": "3"}),
        ("fix ended", {"id": "restart-print-service", "version": "3", "outcome": "fixed"}),
        ("forward opened", {"to": "127.0.0.1:5432"}),
        ("session ended", {}),
    ]
    records = [ReceiptEvent(NOW + 20 * at, action, detail) for at, (action, detail) in enumerate(happened)]
    return ReceiptShown(
        SESSION, "Reception PC", "Example Ltd", "Ana Ruiz", 2, "The printer on the second floor", False,
        "2026-11-21T12:00:00Z", "2026-11-21T12:11:40Z", "ended by the person at this computer", records, text="/tmp/receipt.txt",
    )  # fmt: skip


def rules() -> AllowedHere:
    """An ordinary organisation's."""
    fixes = [
        ApprovedFix("restart-print-service", "3", "Restart the print service", "attended", True),
        ApprovedFix("free-disk-space", "7", "Free disk space", "always", False),
    ]
    return AllowedHere(
        "Example Ltd", "front", 5 * 3600.0, 3,
        [ListedTechnician("Ana Ruiz", 3), ListedTechnician("Ben Okafor", 2), ListedTechnician("Chiara Rossi", 1)],
        [Capability.VIEW, Capability.CHAT, Capability.DIAGNOSTICS, Capability.POINTER, Capability.CONTROL, Capability.FIXES],
        [Capability.DIAGNOSTICS, Capability.FIXES], hidden_windows=1, grant_seconds=8 * 3600.0, fixes=fixes,
    )  # fmt: skip


def status(**changes: object) -> SessionStatus:
    """Ana Ruiz, for four minutes."""
    values: dict[str, object] = {
        "session": SESSION, "name": "Ana Ruiz", "organisation": "Example Ltd", "tier": 2,
        "granted": ["view", "chat", "pointer", "control", "fixes"], "unattended": False, "paused": False,
        "since": NOW - 252, "until": NOW + 28000, **changes,
    }  # fmt: skip
    return SessionStatus(**values)  # type: ignore[arg-type]


class Studio:
    """One application in one theme and language; `take` saves what a widget shows."""

    def __init__(self, theme: str, language: str) -> None:
        self.application = QApplication(["screens"])
        dress(self.application, theme)
        self.texts, self.suffix = Texts(language), f"{language}-{theme}"
        self.desktop = Desktop(AgentSettings(home=Path("/nonexistent")), self.texts, clock=lambda: 1000.0, wall=lambda: NOW)
        self.state = self.desktop.state
        self.forget()

    def forget(self) -> None:
        """Nobody is connected, everything is well."""
        fresh = DesktopState()
        self.desktop.state = self.state = fresh
        fresh.agent_here()
        fresh.hear(RelayChanged(CONNECTED), 1000.0, NOW)

    def take(self, name: str, window: QWidget) -> None:
        """A picture, once everything is laid out and painted."""
        window.show()
        QTest.qWait(150)
        file = TARGET / f"{name}-{self.suffix}.png"
        assert window.grab().save(str(file)), file
        window.hide()

    def moods(self) -> None:
        """The small window and the tray's menu in each state."""
        for mood in ("ready", "waiting", "connected", "paused", "offline"):
            self.forget()
            if mood == "waiting":
                self.state.ask_for_help("x", 1000.0)
                self.state.hear(CodeShown("482913507", 600.0), 1000.0, NOW)
            elif mood == "offline":
                self.state.hear(RelayChanged(AWAY), 1000.0, NOW)
            elif mood != "ready":
                self.state.hear(SessionChanged(status(paused=mood == "paused")), 1000.0, NOW)
            self.desktop.tray.show_state(self.state)
            self.desktop.home.show_state(self.state)
            self.take(f"home-{mood}", self.desktop.home)
            self.take(f"menu-{mood}", self.desktop.tray.menu)

    def help(self) -> None:
        """Get help: the question, the code, and when it cannot be had."""
        window = self.desktop.help
        self.forget()
        for name, prepare in self._help_stages():
            prepare()
            window.show()
            window.show_state(self.state)
            self.take(f"help-{name}", window)
        self._articles()

    def _articles(self) -> None:
        """What is offered while one types, and an article: one that fits and one that is scrolled."""
        self.forget()
        window = self.desktop.help
        window.show_state(self.state)
        window.show()
        window._line.setText("printer")
        steps = "".join(f"- Step {step}: look at part {step} and press the button beside it.\n" for step in range(30))
        long = parse_article("long", f"# When nothing of that helps & the light blinks red\nWords: printer\n\n{steps}")
        article = parse_article("printer", ARTICLE)
        window._offer([article, long])
        self.take("help-articles", window)
        for name, one in (("article", article), ("article-long", long)):
            window.show()
            window._read(one)
            self.take(f"help-{name}", window)
            window._back()
        window._line.clear()
        window._offer([])

    def _help_stages(self) -> Iterator[tuple[str, object]]:
        state = self.state
        yield "ask", lambda: None
        yield "offline", lambda: state.hear(RelayChanged(AWAY), 1000.0, NOW)
        yield (
            "code",
            lambda: (
                state.hear(RelayChanged(CONNECTED), 1000.0, NOW),
                state.ask_for_help("The printer does not print", 936.0),
                state.hear(CodeShown("482913507", 471.0), 1000.0, NOW),
                state.hear(PlaceShown(1, 3), 1000.0, NOW),
            ),
        )
        yield "expired", lambda: state.hear(CodeShown("482913507", 0.0), 900.0, NOW)

    def consent(self) -> None:
        """The window that asks, of every kind."""
        fix = {
            "kind": "confirm", "wishes": [], "reason": "", "title": "Run this fix? Free disk space", "words": "fix",
            "values": {"title": "Free disk space"}, "text": "Deletes temporary files older than the given number of days.",
            "details": ["deletes files in /tmp and /var/tmp", "days: 7"],
        }  # fmt: skip
        questions = {
            "session": asking(sas="482913", wishes=wishes_for(ALL)),
            "more": asking(sas="482913", wishes=wishes_for(ALL)),
            "restart": asking(after_restart=1800.0),
            "capability": asking(kind="capability", reason="I must copy a driver", wishes=wishes_for([Capability.FILES_IN])),
            "recording": asking(kind="capability", reason="", wishes=wishes_for([Capability.RECORDING])),
            "fix": asking(**fix),
        }
        for name, question in questions.items():
            self.forget()
            self.state.hear(ConsentAsked(1, question, 154.0), 1000.0, NOW)
            window = self.desktop.consent
            window.show_questions(self.state.questions)
            window._set_answerable(True)
            if name == "more":
                words = self.texts("consent.more")
                next(one for one in window.findChildren(QPushButton) if one.text() == words).click()
            self.take(f"consent-{name}", window)
            window.show_questions([])

    def session(self) -> None:
        """Banner, chat, and drawings on the screen."""
        for name, changes in (
            ("connected", {}),
            (
                "recorded",
                {"recording": True, "granted": ["view", "recording", "clipboard_in", "files_out", "terminal", "forward"]},
            ),
            ("paused", {"paused": True}),
            ("lost", {"waiting_until": NOW + 431}),
            ("unattended", {"unattended": True, "granted": ["diagnostics", "fixes"]}),
        ):
            self.forget()
            self.state.hear(SessionChanged(status(**changes)), 1000.0, NOW)
            self.desktop.banner.show_state(self.state)
            self.take(f"banner-{name}", self.desktop.banner)
        self._news()
        self.forget()
        self.state.hear(SessionChanged(status()), 1000.0, NOW)
        self.state.hear(ChatHeard(SESSION, "Ana Ruiz", "Hello! I can see the print queue. May I restart it?", NOW), 1000.0, NOW)
        self.state.said(SESSION, "Yes please", NOW + 31)
        self.state.hear(ChatHeard(SESSION, "Ana Ruiz", "Done. Please try to print a page.", NOW), 1000.0, NOW + 64)
        self.desktop.chat_opened(SESSION)
        self.desktop.chats[SESSION].show_chat(self.state.conversation(SESSION))
        self.take("chat", self.desktop.chats[SESSION])

    def _news(self) -> None:
        """The banner while files, clipboard and a terminal are used: the newest line, and those before it."""
        self.forget()
        granted = ["view", "control", "files_in", "files_out", "clipboard_out", "terminal"]
        self.state.hear(SessionChanged(status(granted=granted, recording=True)), 1000.0, NOW)
        happened = [
            ("recording started", {}),
            ("terminal opened", {"user": "maria"}),
            ("clipboard read", {"kind": "text", "size": 12}),
            *[("file received", {"path": f"Downloads/driver-{part}.zip", "size": 48213}) for part in range(3)],
            ("file sent", {"path": "Documents/Quarterly report.pdf", "size": 48213}),
        ]
        for at, (action, detail) in enumerate(happened):
            self.state.hear(Happened(SESSION, ReceiptEvent(NOW - 100 + 15 * at, action, detail)), 1000.0, NOW)
        banner = self.desktop.banner
        banner.show_state(self.state)
        self.take("banner-news", banner)
        words = self.texts("banner.earlier")
        next(one for one in banner.findChildren(QPushButton) if one.text() == words).click()
        self.take("banner-news-earlier", banner)
        next(one for one in banner.findChildren(QPushButton) if one.text() == self.texts("banner.later")).click()

    def afterwards(self) -> None:
        """Receipts, rules, and what this is."""
        receipts = ReceiptWindow(self.texts, self.desktop)
        receipts.show_receipt(receipt())
        self.take("receipt", receipts)
        rows = [ReceiptRow(SESSION, "Ana Ruiz", "Example Ltd", "2026-11-21T12:00:00Z", "2026-11-21T12:11:40Z", 5),
                ReceiptRow("00bb", "Ben Okafor", "Example Ltd", "2026-11-18T09:30:00Z", "2026-11-18T09:41:00Z")]  # fmt: skip
        receipts.show_rows(rows)
        self.take("receipts", receipts)
        receipts.show_rows([])
        self.take("receipts-none", receipts)
        allowed = AllowedWindow(self.texts)
        for name, one in (("allowed", rules()), ("allowed-unknown", AllowedHere("Example Ltd", "front", None))):
            allowed.present(one)
            self.take(name, allowed)
        about = AboutWindow(self.texts)
        about.present("Reception PC", "Example Ltd")
        self.take("about", about)


def draw(theme: str, language: str) -> None:
    """All of them, in this process."""
    studio = Studio(theme, language)
    for scene in (studio.moods, studio.help, studio.consent, studio.session, studio.afterwards):
        scene()
    studio.desktop.overlay.hear(StrokeDrawn(1, "rectangle", 3, True, 0, [(1, 1), (2, 2)], SESSION))
    studio.desktop.close()


def main(arguments: list[str]) -> None:
    """A display, and a process for each theme and language: Qt has one application in each."""
    if arguments[:1] == ["--draw"]:
        draw(*arguments[1:])
        return
    TARGET.mkdir(parents=True, exist_ok=True)
    with virtual_display(1600, 1000, window_manager=True) as display:
        for language in arguments or LANGUAGES:
            for theme in ("light", "dark"):
                argv = [sys.executable, "-m", "tests.screens.desktop", "--draw", theme, language]
                environment = {**os.environ, "DISPLAY": display.name, "DBUS_SESSION_BUS_ADDRESS": ""}
                subprocess.run(argv, cwd=ROOT, check=True, env=environment)
    click.echo(f"{len(list(TARGET.glob('*.png')))} pictures in {TARGET}")


if __name__ == "__main__":
    main(sys.argv[1:])
