"""The small window: state and commands of the tray icon, for desktops without a tray and for those who press the icon."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QLabel, QPushButton

from agent.desktop.menu_model import Command, Entry, entries
from agent.desktop.parts import Window, button, label, row
from agent.desktop.pictures import mark
from agent.desktop.session_model import headline
from agent.desktop.state import DesktopState, Mood
from agent.desktop.texts import Texts

WIDTH = 52
MARK = 40


class HomeWindow(Window):
    """One sentence and a button for each command."""

    def __init__(self, texts: Texts, chosen: Callable[[Command], None], has_tray: Callable[[], bool]) -> None:
        """Args: has_tray: whether a tray icon shows; without one, closing this window only minimises it."""
        super().__init__(WIDTH)
        self._texts = texts
        self._has_tray = has_tray
        self._mood: Mood | None = None
        self._shown: tuple[str, tuple[Entry, ...]] | None = None
        self.setWindowTitle(texts("home.title"))
        self._mark = QLabel()
        self._mark.setFixedSize(MARK, MARK)
        self._headline = label(role="strong")
        beside = row(self._mark, spacing=14)
        beside.addWidget(self._headline, 1)
        self.column.addLayout(beside)
        self._buttons: dict[Command, QPushButton] = {}
        for entry in entries(DesktopState(), texts):
            if entry.new_group:
                self.column.addSpacing(6)
            role = {Command.HELP: "primary", Command.STOP: "danger"}.get(entry.command, "")
            found = button(entry.text, role, lambda command=entry.command: chosen(command))  # type: ignore[misc]
            self._buttons[entry.command] = found
            self.column.addWidget(found)

    def present(self, *, take_keyboard: bool) -> None:
        """Show it in front; `take_keyboard` only when the person asked for it."""
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating, not take_keyboard)
        self.showNormal()
        self.raise_()
        if take_keyboard:
            self.activateWindow()

    def show_state(self, state: DesktopState) -> None:
        """Bring it in line with the state."""
        words = headline(state, self._texts)
        if words != self._headline.text() or self._mood is not state.mood:
            self._mood = state.mood
            self._headline.setText(words)
            ratio = self.devicePixelRatioF()
            pixmap = mark(round(MARK * ratio), state.mood)
            pixmap.setDevicePixelRatio(ratio)
            self._mark.setPixmap(pixmap)
        shown = (words, tuple(entries(state, self._texts)))
        if shown == self._shown:
            return  # the state is shown anew each second, and laying a window out is work
        self._shown = shown
        for entry in shown[1]:
            found = self._buttons[entry.command]
            found.setText(entry.text)
            found.setEnabled(entry.enabled)
            found.setVisible(entry.enabled or entry.command in (Command.HELP, Command.RECEIPTS, Command.ALLOWED))
        self.fit()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Where this is all there is of us on the desktop, it stays within reach."""
        event.ignore()
        if self._has_tray():
            self.hide()
        else:
            self.showMinimized()
