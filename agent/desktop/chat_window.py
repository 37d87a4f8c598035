"""The chat of one session, both ways. It comes up by itself when a technician writes, without taking the keyboard."""

import time
from collections import deque
from typing import Protocol

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from agent.desktop.parts import Window, button, card, label, row
from agent.desktop.state import MOST_CHAT_LINES, ChatLine, Conversation
from agent.desktop.texts import Texts
from protocol.printable import printable

WIDTH = 58
MOST_CHARACTERS = 4000


class ChatListener(Protocol):
    """Who hears what the person says."""

    def chat_said(self, session: str, text: str) -> None:
        """One line to the technician."""

    def chat_seen(self, session: str) -> None:
        """The person has the window in front of them."""


def _after(lines: list[ChatLine], last: ChatLine | None) -> list[ChatLine]:
    """What was said after `last`, itself and not one that says the same; everything, where that one was dropped as too old."""
    for at in range(len(lines) - 1, -1, -1):
        if lines[at] is last:
            return lines[at + 1 :]
    return list(lines)


class ChatWindow(Window):
    """One session's chat."""

    def __init__(self, session: str, name: str, texts: Texts, listener: ChatListener) -> None:
        super().__init__(WIDTH)
        self.session = session
        self._texts = texts
        self._listener = listener
        self._name = printable(name)
        self._last: ChatLine | None = None  # the newest that is shown
        self._rows: deque[tuple[QLayout, QWidget]] = deque()
        self.setWindowTitle(texts("chat.title", name=self._name))
        self._empty = label(texts("chat.empty"), "soft")
        self._over = label(texts("chat.over"), "soft")
        self._problem = label(role="poor")
        self._problem.hide()
        listed = QWidget()
        self._lines = QVBoxLayout(listed)
        self._lines.setContentsMargins(0, 0, 6, 0)
        self._lines.setSpacing(8)
        self._lines.addWidget(self._empty)
        self._lines.addStretch(1)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(listed)
        self._scroll.setAccessibleName(self.windowTitle())
        self._line = QLineEdit()
        self._line.setMaxLength(MOST_CHARACTERS)
        self._line.setPlaceholderText(texts("chat.placeholder", name=self._name))
        self._line.setAccessibleName(texts("chat.placeholder", name=self._name))
        self._line.returnPressed.connect(self._send)
        self._sender = button(texts("chat.send"), "primary", self._send)
        beside = row(self._line)
        beside.addWidget(self._sender)
        self.column.addWidget(self._scroll, 1)
        self.column.addWidget(self._over)
        self.column.addWidget(self._problem)
        self.column.addLayout(beside)
        self.setFixedHeight(self.fontMetrics().height() * 26)

    def present(self, *, take_keyboard: bool) -> None:
        """Show it in front; `take_keyboard` only when the person asked for it."""
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating, not take_keyboard)
        if self.isHidden() or self.isMinimized():
            self.showNormal()
        self.raise_()
        if take_keyboard:
            self.activateWindow()
            self._line.setFocus()

    def show_chat(self, chat: Conversation) -> None:
        """Bring it in line with what was said."""
        for line in _after(chat.lines, self._last):
            self._add(line)
            self._last = line
        self._empty.setVisible(not chat.lines)
        self._over.setVisible(chat.over)
        self._line.setEnabled(not chat.over)
        self._sender.setEnabled(not chat.over)
        if self.isActiveWindow() and chat.unread:
            self._listener.chat_seen(self.session)

    def not_sent(self, why: str) -> None:
        """The daemon did not take the last line."""
        self._problem.setText(self._texts("chat.not_sent", why=printable(self._texts.retold(why))))
        self._problem.show()

    def _add(self, line: ChatLine) -> None:
        name = self._texts("chat.you") if line.own else printable(line.name)
        when = time.strftime("%H:%M", time.localtime(line.at))
        words = label(line.text)
        words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        bubble = card("bubble-own" if line.own else "bubble", label(f"{name}, {when}", "soft"), words, margin=10)
        bubble.setAccessibleName(f"{name}: {line.text}")
        beside = row(None, bubble) if line.own else row(bubble, None)
        beside.setStretchFactor(bubble, 5)
        beside.setStretch(0 if line.own else 1, 1)
        self._lines.insertLayout(self._lines.count() - 1, beside)
        self._rows.append((beside, bubble))
        if len(self._rows) > MOST_CHAT_LINES:
            oldest, gone = self._rows.popleft()
            self._lines.removeItem(oldest)
            oldest.deleteLater()
            gone.deleteLater()
        # The area knows its new height when the layout has been done.
        QTimer.singleShot(0, self._scroll_down)

    def _scroll_down(self) -> None:
        bar = self._scroll.verticalScrollBar()
        bar.setValue(bar.maximum())

    def _send(self) -> None:
        text = self._line.text().strip()
        if text:
            self._problem.hide()
            self._line.clear()
            self._listener.chat_said(self.session, text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes it; what was said stays."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)
