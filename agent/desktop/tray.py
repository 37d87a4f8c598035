"""The tray icon: what state this computer is in, and the menu. StatusNotifierItem over D-Bus where the desktop has it."""

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from agent.desktop.menu_model import Command, entries
from agent.desktop.pictures import icon
from agent.desktop.session_model import headline
from agent.desktop.state import DesktopState, Mood
from agent.desktop.texts import Texts


class Tray(QObject):
    """The icon, shown as soon as the desktop has a place for it."""

    def __init__(self, texts: Texts, chosen: Callable[[Command], None], opened: Callable[[], None]) -> None:
        """Args: chosen: hears what was picked from the menu; opened: the icon itself was pressed."""
        super().__init__()
        self._texts = texts
        self._mood: Mood | None = None
        self._icons = {mood: icon(mood) for mood in Mood}
        self.menu = QMenu()
        self._headline = self.menu.addAction("")
        self._headline.setEnabled(False)
        self.menu.addSeparator()
        self._actions: dict[Command, QAction] = {}
        for entry in entries(DesktopState(), texts):
            if entry.new_group:
                self.menu.addSeparator()
            self._actions[entry.command] = self.menu.addAction(entry.text)
            self._actions[entry.command].triggered.connect(lambda _checked=False, command=entry.command: chosen(command))
        self._icon = QSystemTrayIcon(self._icons[Mood.OFFLINE], self)
        self._icon.setContextMenu(self.menu)
        self._icon.activated.connect(lambda reason: self._activated(reason, opened))

    @property
    def there(self) -> bool:
        """Whether the desktop shows it; looks again each time, for a desktop may bring its tray up late."""
        if not QSystemTrayIcon.isSystemTrayAvailable():
            return False
        if not self._icon.isVisible():
            self._icon.show()
        return True

    def show_state(self, state: DesktopState) -> None:
        """Bring icon and menu in line with the state."""
        words = headline(state, self._texts)
        if state.mood is not self._mood:
            self._mood = state.mood
            self._icon.setIcon(self._icons[state.mood])
        if words != self._icon.toolTip():  # Qt tells the desktop of each, whether it is another or not
            self._icon.setToolTip(words)
        self._headline.setText(words)
        for entry in entries(state, self._texts):
            action = self._actions[entry.command]
            action.setText(entry.text)
            action.setEnabled(entry.enabled)

    def close(self) -> None:
        """Take it away."""
        self._icon.hide()
        self.menu.deleteLater()

    @staticmethod
    def _activated(reason: QSystemTrayIcon.ActivationReason, opened: Callable[[], None]) -> None:
        if reason in (QSystemTrayIcon.ActivationReason.Trigger, QSystemTrayIcon.ActivationReason.DoubleClick):
            opened()
