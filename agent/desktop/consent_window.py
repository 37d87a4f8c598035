"""The window that asks. Words and rules are `consent_model`'s; this draws them and hands on the answer.

It stays above every window, takes no answer in its first moment, and everything that is not a clear yes is No: Escape, closing
it, and no answer at all. While it is open the daemon injects nothing of what technicians send.
"""

from collections.abc import Callable, Collection
from typing import Protocol

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QCheckBox, QFrame, QProgressBar, QPushButton, QScrollArea, QVBoxLayout, QWidget

from agent.desktop.consent_model import Arming, Card, Choice, card_of
from agent.desktop.parts import ChoiceButton, Window, brand, button, card, label, restyle, row
from agent.desktop.state import OpenQuestion
from agent.desktop.texts import Texts, grouped, spoken
from protocol.capabilities import Capability

WIDTH = 80
ARMING_TICK = 60
STEPS = 1000
SINGLES_LINES = 17


class ConsentListener(Protocol):
    """Who hears what the person decides."""

    def consent_answered(self, question: int, granted: Collection[Capability], yes: bool, after_restart: bool = False) -> None:
        """The answer; nothing granted and not `yes` is No. `after_restart`: they may come back once after a restart."""

    def more_time_wanted(self, question: int) -> None:
        """They want longer."""


class ConsentWindow(Window):
    """Shows the first of the open questions; hidden while there is none."""

    def __init__(self, texts: Texts, listener: ConsentListener, clock: Callable[[], float]) -> None:
        super().__init__(WIDTH)
        self._texts = texts
        self._listener = listener
        self._clock = clock
        self._shown: OpenQuestion | None = None
        self._arming = Arming(0.0)
        self._body: QWidget | None = None
        self._no: QPushButton | None = None
        self._ticks: dict[Capability, QCheckBox] = {}
        self._allow_ticked = QPushButton()
        self._restart = QCheckBox()
        self._presets: list[ChoiceButton] = []
        self._singles: QFrame | None = None
        self._more = QPushButton()
        self.setWindowFlags(
            Qt.WindowType.Dialog
            | Qt.WindowType.WindowTitleHint
            | Qt.WindowType.WindowCloseButtonHint
            | Qt.WindowType.WindowStaysOnTopHint
        )
        self.setWindowTitle(texts("consent.title"))
        self._queued = label(role="soft")
        self._left = label(role="soft", wrap=False)
        self._bar = QProgressBar()
        self._bar.setRange(0, STEPS)
        self._bar.setTextVisible(False)
        self._more_time = button(texts("consent.more_time"), clicked=self._want_more_time)
        self.column.addLayout(row(self._left, None, self._more_time))
        self.column.addWidget(self._bar)
        self.column.addWidget(self._queued)
        self._arm_timer = QTimer(self)
        self._arm_timer.setInterval(ARMING_TICK)
        self._arm_timer.timeout.connect(self._look_whether_armed)

    # -- what is shown ----------------------------------------------------------------------------------------------

    def show_questions(self, questions: list[OpenQuestion]) -> None:
        """Bring the window in line with the open questions; called whenever they change and every second."""
        if not questions:
            self._shown = None
            self._arm_timer.stop()
            if not self.isHidden():
                self.hide()
                # The next question gets a new window of the system: one hidden and shown within a moment may miss its focus.
                self.windowHandle().destroy()
            return
        first = questions[0]
        waiting = len(questions) - 1
        appeared = self._queued.isHidden() == bool(waiting)
        self._queued.setVisible(bool(waiting))
        self._queued.setText(self._texts("consent.queued") if waiting == 1 else self._texts("consent.queued_many", count=waiting))
        if self._shown is None or self._shown.number != first.number:
            self._begin(first)
        elif appeared:
            self.fit()
        self._shown = first
        self._count_down(first)

    def _begin(self, first: OpenQuestion) -> None:
        if self._body is not None:
            self.column.removeWidget(self._body)
            self._body.deleteLater()
        self._body = self._build(card_of(first.question, self._texts))
        self.column.insertWidget(0, self._body)
        self._body.show()
        self._arming = Arming(self._clock())
        self._set_answerable(False)
        self._arm_timer.start()
        self.fit()
        self.centre()
        self.setAccessibleName(self._texts("consent.name", name=first.question.name, organisation=first.question.organisation))
        self.show()
        self.raise_()
        self.activateWindow()
        QApplication.alert(self)

    def _count_down(self, first: OpenQuestion) -> None:
        now = self._clock()
        self._left.setText(first.countdown.text(now, self._texts))
        self._bar.setValue(round(first.countdown.share(now) * STEPS))
        restyle(self._bar, "urgent", first.countdown.urgent(now))
        restyle(self._left, "role", "poor" if first.countdown.urgent(now) else "soft")

    def _build(self, shown: Card) -> QWidget:
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(self._heading(shown))
        if shown.reason:
            column.addWidget(card("quote", label(shown.reason)))
        if shown.sas:
            column.addWidget(self._sas(shown.sas))
        if shown.title or shown.lines:
            column.addWidget(self._what(shown))
        # Nothing of an earlier question may be left in hand: its widgets are gone.
        self._more, self._allow_ticked = button(self._texts("consent.more"), "link", self._toggle_more), QPushButton()
        self._singles, self._ticks = None, {}
        if not shown.singles or shown.open_singles:
            self._more.hide()
        self._presets = [self._choice(choice) for choice in shown.choices[:-1]]
        for preset in self._presets:
            column.addWidget(preset)
        if shown.singles:
            self._singles = self._build_singles(shown)
            if not shown.open_singles:
                self._singles.hide()
            column.addWidget(self._singles)
        self._restart = QCheckBox(shown.after_restart)
        if not shown.after_restart:
            self._restart.hide()
        column.addWidget(self._restart)
        self._no = self._choice(shown.choices[-1])
        column.addWidget(self._no)
        column.addWidget(self._more, alignment=Qt.AlignmentFlag.AlignLeft)
        return body

    def _heading(self, shown: Card) -> QVBoxLayout:
        words = QVBoxLayout()
        words.setSpacing(2)
        for text, role in ((shown.heading, "heading"), (shown.who, ""), (self._texts("consent.certified"), "soft")):
            words.addWidget(label(text, role))
        beside = row(brand(44), spacing=14)
        beside.setAlignment(Qt.AlignmentFlag.AlignTop)
        beside.addLayout(words, 1)
        column = QVBoxLayout()
        column.addLayout(beside)
        return column

    def _sas(self, sas: str) -> QFrame:
        number = label(grouped(sas), "sas", wrap=False)
        number.setAccessibleName(f"{self._texts('consent.sas')}: {spoken(sas)}")
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addStretch(1)
        words.addWidget(label(self._texts("consent.sas"), "strong"))
        words.addWidget(label(self._texts("consent.sas_help"), "soft"))
        words.addStretch(1)
        beside = row(number, spacing=18)
        beside.addLayout(words, 1)
        return card("notice", beside)

    def _what(self, shown: Card) -> QFrame:
        parts: list[QWidget] = [label(shown.title, "large")] if shown.title else [label(self._texts("consent.they_ask"), "soft")]
        role = "large" if not shown.title else ""
        return card("card", *parts, *(label(line, role) for line in shown.lines))

    def _choice(self, choice: Choice) -> ChoiceButton:
        found = ChoiceButton(choice.title, choice.text)
        found.clicked.connect(lambda _checked=False: self._settle(choice.granted, choice.yes))
        return found

    def _build_singles(self, shown: Card) -> QFrame:
        listed = QWidget()
        column = QVBoxLayout(listed)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for single in shown.singles:
            tick = QCheckBox(single.words)
            tick.toggled.connect(lambda _on: self._ticked())
            self._ticks[single.capability] = tick
            column.addWidget(tick)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(listed)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        most = min(self.fontMetrics().height() * SINGLES_LINES, self.screen().availableGeometry().height() * 3 // 10)
        scroll.setFixedHeight(min(listed.sizeHint().height(), most))
        self._allow_ticked = button(self._texts("consent.allow_ticked"), clicked=self._settle_ticked)
        self._allow_ticked.setEnabled(False)
        return card("card", label(self._texts("consent.choose"), "strong"), scroll, row(None, self._allow_ticked))

    # -- when answers count -----------------------------------------------------------------------------------------

    def _set_answerable(self, on: bool) -> None:
        for one in self._answers():
            one.setEnabled(on)
        if on:
            self._ticked()
        if on and self._no is not None:
            self._no.setFocus(Qt.FocusReason.ActiveWindowFocusReason)
        elif not on:
            self.setFocus()

    def _answers(self) -> list[QWidget]:
        found: list[QWidget] = [
            *self._presets,
            self._more,
            self._more_time,
            *self._ticks.values(),
            self._allow_ticked,
            self._restart,
        ]
        return found if self._no is None else [*found, self._no]

    def _look_whether_armed(self) -> None:
        if self._arming.armed(self._clock()):
            self._arm_timer.stop()
            self._set_answerable(True)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape is No, once answers count; before that a key only makes the moment begin anew."""
        now = self._clock()
        if not self._arming.armed(now):
            self._arming.struck(now)
        elif event.key() == Qt.Key.Key_Escape and not event.isAutoRepeat():
            self._settle()
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click that was meant for what lay here before counts for nothing."""
        self._arming.struck(self._clock())
        event.accept()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Closing is No."""
        event.ignore()
        self._settle()

    # -- what the person does ---------------------------------------------------------------------------------------

    def _toggle_more(self) -> None:
        if self._singles is None:
            return
        opening = self._singles.isHidden()
        self._singles.setVisible(opening)
        for preset in self._presets:
            preset.setVisible(not opening)
        self._more.setText(self._texts("consent.less" if opening else "consent.more"))
        self.fit()

    def _ticked(self) -> None:
        self._allow_ticked.setEnabled(any(tick.isChecked() for tick in self._ticks.values()))

    def _settle_ticked(self) -> None:
        self._settle([one for one, tick in self._ticks.items() if tick.isChecked()])

    def _settle(self, granted: Collection[Capability] = (), yes: bool = False) -> None:
        if self._shown is not None:
            lasting = bool(granted) and self._restart.isChecked()
            self._listener.consent_answered(self._shown.number, granted, yes, lasting)

    def _want_more_time(self) -> None:
        if self._shown is not None:
            self._listener.more_time_wanted(self._shown.number)
