"""The banner: as long as a session lasts it says who is connected and what they can do, and lets the person pause and stop.

It stays above every window, cannot be closed or minimised, and can only be moved aside. What technicians do with files, the
clipboard, terminals and the like it says as they do it, to eyes and to a screen reader.
"""

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QCloseEvent, QGuiApplication, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from agent.desktop.happenings import Happenings, line_of, words_of
from agent.desktop.parts import announce, brand, button, label, restyle, row
from agent.desktop.session_model import SessionLine
from agent.desktop.session_model import line_of as session_line_of
from agent.desktop.state import DesktopState
from agent.desktop.texts import Texts
from protocol.printable import printable

WIDTH = 126
EARLIER_SHOWN = 5
FRESH_SECONDS = 8.0
ANNOUNCE_SECONDS = 3.0


class BannerListener(Protocol):
    """Who hears what the person wants."""

    def session_stopped(self, session: str) -> None:
        """End it; "" ends all."""

    def session_paused(self, session: str, paused: bool) -> None:
        """Hold it back, or let it go on; "" means all."""

    def chat_opened(self, session: str) -> None:
        """Show its chat."""

    def pointing_stopped(self, session: str) -> None:
        """They may not point and draw any more."""


class NewsPart(QFrame):
    """What a technician did last, and on demand what they did before that."""

    def __init__(self, texts: Texts, changed: Callable[[], None]) -> None:
        """Args: changed: told that more or less is to be shown."""
        super().__init__()
        self._texts = texts
        self._changed = changed
        self._open = False
        self._said = 0
        self._said_at = float("-inf")
        self._newest = label("", "strong")
        self._more = button("", "link", self._toggle)
        self._more.setAccessibleDescription(texts("banner.earlier_help"))
        self._earlier = [label("", "soft") for _ in range(EARLIER_SHOWN)]
        first = row(self._newest, self._more, spacing=10)
        first.setStretch(0, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addLayout(first)
        for one in self._earlier:
            column.addWidget(one)
        self.hide()

    def show_happenings(self, happenings: Happenings, name: str, wall: float) -> None:
        """Bring it in line; `wall` is seconds since 1970."""
        kept = happenings.kept
        self.setVisible(bool(kept))
        if not kept:
            return
        self._newest.setText(line_of(kept[-1], name, self._texts))
        restyle(self._newest, "role", "strong" if wall - kept[-1].at < FRESH_SECONDS else "soft")
        before = kept[-2 : -2 - EARLIER_SHOWN : -1] if self._open else []
        for at, one in enumerate(self._earlier):
            one.setVisible(at < len(before))
            one.setText(line_of(before[at], name, self._texts) if at < len(before) else "")
        self._more.setVisible(len(kept) > 1)
        self._more.setText(self._texts("banner.later" if self._open else "banner.earlier"))
        if happenings.heard != self._said and wall - self._said_at >= ANNOUNCE_SECONDS:
            # Not each of many: whoever listens would hear nothing else any more.
            self._said, self._said_at = happenings.heard, wall
            announce(self._newest, words_of(kept[-1], name, self._texts))

    def _toggle(self) -> None:
        self._open = not self._open
        self._changed()


class SessionRow(QFrame):
    """One session."""

    def __init__(self, session: str, texts: Texts, listener: BannerListener, changed: Callable[[], None]) -> None:
        """Args: changed: told that the person wants to see more or less of it."""
        super().__init__()
        self._texts = texts
        self._listener = listener
        self.session = session
        self._held = False
        self._title = label("", "strong", wrap=False)
        self._text = label()
        self._recorded = label(texts("banner.recorded"), "recorded", wrap=False)
        self._recorded.setAccessibleName(texts("banner.recording"))
        self._recorded.setToolTip(texts("banner.recording"))
        self._elapsed: QLabel = label("", "soft", wrap=False)
        self._chat = button(texts("banner.chat"), clicked=lambda: listener.chat_opened(session))
        self._pointing = button(texts("banner.no_pointing"), clicked=lambda: listener.pointing_stopped(session))
        self._pointing.setAccessibleDescription(texts("banner.no_pointing_help"))
        self._pause = button(texts("banner.pause"), clicked=self._toggle)
        self._stop: QPushButton = button(texts("banner.stop"), "danger", lambda: listener.session_stopped(session))
        self._stop.setAccessibleDescription(texts("banner.stop_help"))
        first = row(brand(26), self._title, None, spacing=10)
        for part in (self._recorded, self._elapsed, self._chat, self._pointing, self._pause, self._stop):
            first.addWidget(part)
        self._news = NewsPart(texts, changed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addLayout(first)
        column.addWidget(self._text)
        column.addWidget(self._news)

    def show_line(self, line: SessionLine, unread: int) -> None:
        """Bring it in line with the session."""
        self._held = line.held
        self._title.setText(line.title)
        self._text.setText(line.text)
        self._recorded.setVisible(line.recording)
        self._elapsed.setText(line.elapsed)
        self._elapsed.setAccessibleName(self._texts("banner.elapsed", time=line.elapsed))
        self._chat.setVisible(line.chat)
        self._chat.setText(self._texts("banner.chat_unread", count=unread) if unread else self._texts("banner.chat"))
        self._pointing.setVisible(line.pointing and not line.waiting)
        self._pause.setVisible(not line.waiting)
        self._pause.setText(self._texts("banner.resume" if line.held else "banner.pause"))

    def show_news(self, happenings: Happenings, name: str, wall: float) -> None:
        """Bring what has happened in line, and have it said."""
        self._news.show_happenings(happenings, name, wall)

    def _toggle(self) -> None:
        self._listener.session_paused(self.session, not self._held)


class Banner(QWidget):
    """Every open session, one row each; hidden while there is none."""

    def __init__(self, texts: Texts, listener: BannerListener, wall: Callable[[], float], *, hotkey: bool) -> None:
        """Args: hotkey: whether Ctrl+Alt+End works here, so that it may be told."""
        super().__init__()
        self._texts = texts
        self._listener = listener
        self._wall = wall
        self._rows: dict[str, SessionRow] = {}
        self._state = DesktopState()
        self._grip: QPoint | None = None
        self._placed = False
        self.setObjectName("window")
        self.setWindowTitle(texts("banner.title"))
        self.setWindowFlags(Qt.WindowType.Window | Qt.WindowType.FramelessWindowHint | Qt.WindowType.WindowStaysOnTopHint)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        most = QGuiApplication.primaryScreen().availableGeometry().width() - 20
        self.setFixedWidth(min(self.fontMetrics().averageCharWidth() * WIDTH, most))
        self._frame = QFrame()
        self._frame.setObjectName("banner")
        self._column = QVBoxLayout(self._frame)
        self._column.setContentsMargins(12, 8, 10, 8)
        self._column.setSpacing(8)
        self._hint = label(texts("banner.hotkey"), "soft")
        self._hint.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        if not hotkey:
            self._hint.hide()
        self._column.addWidget(self._hint)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._frame)

    def show_state(self, state: DesktopState) -> None:
        """Bring it in line with the open sessions; called whenever they change and every second."""
        self._state = state
        before = set(self._rows)
        for ended in before - state.sessions.keys():
            gone = self._rows.pop(ended)
            self._column.removeWidget(gone)
            gone.deleteLater()
        for number, session in state.sessions.items():
            if number not in self._rows:
                self._rows[number] = SessionRow(number, self._texts, self._listener, self._again)
                self._column.insertWidget(self._column.count() - 1, self._rows[number])
                self._rows[number].show()
            chat, wall = state.chats.get(number), self._wall()
            self._rows[number].show_line(session_line_of(session, self._texts, wall), chat.unread if chat else 0)
            self._rows[number].show_news(state.happenings.get(number, Happenings()), printable(session.name), wall)
        restyle(self._frame, "paused", state.all_paused)
        if not self._rows:
            self._placed = False
            self.hide()
            return
        self._fit()
        if self.isHidden():
            self.show()
            self.raise_()
        for number in state.sessions.keys() - before:
            line = session_line_of(state.sessions[number], self._texts, self._wall())
            announce(self, f"{line.title}. {line.text}")

    def _again(self) -> None:
        self.show_state(self._state)

    def _fit(self) -> None:
        for part in self.findChildren(QWidget):
            part.ensurePolished()
        outer = self.layout()
        assert outer is not None
        # A window that does not show yet hears nothing of what has changed in it: from the inside out.
        for inner in (*self.findChildren(NewsPart), *self._rows.values(), self._frame):
            layout = inner.layout()
            if layout is not None:
                layout.invalidate()
            inner.updateGeometry()
        outer.invalidate()
        self.setFixedHeight(outer.totalHeightForWidth(self.width()))
        if not self._placed:
            self._placed = True
            area = QGuiApplication.primaryScreen().availableGeometry()
            self.move(area.center().x() - self.width() // 2, area.top() + 6)

    # -- it stays ---------------------------------------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent) -> None:
        """It goes when the session does."""
        event.ignore()

    def changeEvent(self, event: QEvent) -> None:
        """Minimised, it comes back."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange and self.isMinimized():
            self.showNormal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape must not hide it."""
        event.accept()

    # -- it can be moved aside ----------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of it."""
        self._grip = event.globalPosition().toPoint() - self.pos()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move it, never off the screen."""
        if self._grip is None:
            return
        area = QGuiApplication.primaryScreen().availableGeometry()
        wanted = event.globalPosition().toPoint() - self._grip
        most_x, most_y = area.right() - self.width(), area.bottom() - self.height()
        self.move(max(area.left(), min(wanted.x(), most_x)), max(area.top(), min(wanted.y(), most_y)))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._grip = None
        event.accept()
