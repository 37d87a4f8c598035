"""What may be done on this computer: the organisation's rules for it, in plain words."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from agent.allowed import AllowedHere
from agent.desktop.allowed_model import Rules, Section, rules_of
from agent.desktop.parts import Window, button, card, label, row
from agent.desktop.texts import Texts

WIDTH = 84
MOST_LINES = 30


class AllowedWindow(Window):
    """One page; what does not fit is scrolled, by keyboard too."""

    def __init__(self, texts: Texts) -> None:
        super().__init__(WIDTH)
        self._texts = texts
        self.setWindowTitle(texts("allowed.title"))
        self._about, self._age = label(), label(role="soft")
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setAccessibleName(texts("allowed.title"))
        self._close = button(texts("help.close"), clicked=self.hide)
        self.column.addWidget(label(texts("allowed.title"), "heading"))
        for part in (self._about, self._age, self._scroll):
            self.column.addWidget(part)
        self.column.addLayout(row(None, self._close))

    def present(self, allowed: AllowedHere) -> None:
        """Show it as it stands now."""
        shown = rules_of(allowed, self._texts)
        self._about.setText(shown.about)
        self._age.setText(shown.age)
        self._age.setVisible(bool(shown.age))
        self._fill(shown)
        self.fit()
        self.centre()
        self.show()
        self.raise_()
        self.activateWindow()
        (self._scroll if shown.sections else self._close).setFocus()

    def _fill(self, shown: Rules) -> None:
        listed = QWidget()
        column = QVBoxLayout(listed)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(10)
        for section in shown.sections:
            column.addWidget(_card(section))
        column.addStretch(1)
        self._scroll.setWidget(listed)
        self._scroll.setVisible(bool(shown.sections))
        for part in listed.findChildren(QWidget):
            part.ensurePolished()
        inner = self.width() - 2 * self.column.contentsMargins().left()
        wanted = max(0, column.totalHeightForWidth(inner))
        self._scroll.setFixedHeight(min(wanted, self.fontMetrics().height() * MOST_LINES))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes it."""
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)


def _card(section: Section) -> QFrame:
    parts = [label(section.heading, "strong")]
    if section.first:
        parts.append(label(section.first))
    for point in section.points:
        words = label(f"•  {point}")
        words.setIndent(10)
        words.setAccessibleName(point)
        parts.append(words)
    return card("card", *parts, *(label(line) for line in section.more))
