"""Get help: what is wrong in one line, the articles that fit, then the code, large, with the time left, until somebody comes."""

from collections.abc import Callable, Sequence
from typing import Protocol

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QProgressBar, QVBoxLayout, QWidget

from agent.desktop.article_part import ArticlePage, FittingArticles
from agent.desktop.parts import Window, announce, button, card, label, restyle, row
from agent.desktop.session_model import why_offline
from agent.desktop.state import DesktopState, Help, HelpStage, Mood
from agent.desktop.texts import Texts, clock, grouped, spoken
from protocol.articles import Article
from protocol.printable import printable

WIDTH = 66
MOST_CHARACTERS = 500
STEPS = 1000
URGENT_SECONDS = 60.0
TYPING_MILLISECONDS = 350
"""So long after the last key articles are looked for."""


def queue_words(help_: Help, now: float, texts: Texts) -> str:
    """How long nobody has come, and how many wait before the person here."""
    words = texts("help.waiting", time=clock(now - help_.since))
    if help_.place is None:
        return words
    ahead, waiting = help_.place
    if waiting <= 1:
        return f"{words} {texts('help.alone')}"
    return f"{words} {texts('help.first') if not ahead else texts('help.place', place=ahead + 1, waiting=waiting)}"


class HelpListener(Protocol):
    """Who hears what the person wants."""

    def help_wanted(self, text: str) -> None:
        """A code, for what is wrong."""

    def help_cancelled(self) -> None:
        """No code any more."""

    def articles_wanted(self, text: str, found: Callable[[Sequence[Article]], None]) -> None:
        """Those that fit what is wrong; `found` hears them."""


class HelpWindow(Window):
    """Three pages: the question, an article, and the code."""

    def __init__(self, texts: Texts, listener: HelpListener, now: Callable[[], float]) -> None:
        super().__init__(WIDTH)
        self._texts = texts
        self._listener = listener
        self._now = now
        self._whole = 1.0
        self._copied = ""
        self._reading = False
        self._typed = QTimer(self)
        self._typed.setSingleShot(True)
        self._typed.setInterval(TYPING_MILLISECONDS)
        self._typed.timeout.connect(self._look)
        self.setWindowTitle(texts("help.title"))
        self._article_page = ArticlePage(texts, solved=self._solved, still=self._ask, back=self._back)
        self._ask_page, self._code_page = self._build_ask(), self._build_code()
        self.column.addWidget(label(texts("help.heading"), "heading"))
        self.column.addWidget(self._ask_page)
        self.column.addWidget(self._article_page)
        self.column.addWidget(self._code_page)
        self._article_page.hide()
        self._code_page.hide()

    def _build_ask(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        self._note_text = label()
        self._note = card("warning", self._note_text)
        question = label(self._texts("help.question"), "strong")
        self._line = QLineEdit()
        self._line.setMaxLength(MOST_CHARACTERS)
        self._line.setPlaceholderText(self._texts("help.placeholder"))
        self._line.setAccessibleName(self._texts("help.question"))
        self._line.returnPressed.connect(self._ask)
        self._line.textChanged.connect(lambda _text: self._typed.start())
        question.setBuddy(self._line)
        self._get = button(self._texts("help.ask"), "primary", self._ask)
        self._fitting = FittingArticles(self._texts, self._read)
        for part in (self._note, question, self._line, self._fitting):
            column.addWidget(part)
        column.addLayout(row(None, button(self._texts("help.close"), clicked=self.hide), self._get))
        return page

    def _build_code(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        self._about = label(role="strong")
        self._code = label(role="code", wrap=False)
        self._code.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._code.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._left = label(role="soft", wrap=False)
        self._once = label(self._texts("help.once"), "soft", wrap=False)
        self._code_card = card("notice", self._code, row(self._once, None, self._left), margin=18)
        self._bar = QProgressBar()
        self._bar.setRange(0, STEPS)
        self._bar.setTextVisible(False)
        self._queue = label()
        self._seen = label(self._texts("help.technicians"), "soft")
        self._copy = button(self._texts("help.copy"), clicked=self._copy_code)
        self._again = button(self._texts("help.again"), "primary", self._ask)
        self._stop = button(self._texts("help.cancel"), clicked=self._cancel)
        for part in (self._about, self._code_card, self._bar, self._queue, self._seen):
            column.addWidget(part)
        column.addLayout(row(self._copy, None, self._stop, self._again))
        return page

    # -- what is shown ----------------------------------------------------------------------------------------------

    def present(self) -> None:
        """Show it, in front, ready to be typed into."""
        if self.isHidden() or self.isMinimized():
            self.showNormal()
            self.fit()
            self.centre()
        self.raise_()
        self.activateWindow()
        if not self._ask_page.isHidden():
            self._line.setFocus()
        elif not self._article_page.isHidden():
            self._article_page.solved.setFocus()
        else:
            self._copy.setFocus()

    def done(self) -> None:
        """Somebody has come and got an answer: this window has served."""
        self._line.clear()
        self._reading = False
        self.hide()

    def show_state(self, state: DesktopState) -> None:
        """Bring it in line with the request for help; called whenever it changes and every second."""
        help_, now = state.help, self._now()
        if help_.stage is HelpStage.IDLE:
            offline = state.mood is Mood.OFFLINE
            note = self._texts("mood.offline", why=why_offline(state, self._texts)) if offline else self._texts.retold(help_.note)
            self._note_text.setText(note)
            self._note.setVisible(bool(note))
            self._get.setEnabled(not offline)
            self._article_page.still.setEnabled(not offline)
            self._show_page(self._article_page if self._reading else self._ask_page)
        else:
            self._reading = False
            self._show_code(help_, now)
            self._show_page(self._code_page)
        if not self.isHidden():
            self.fit()

    def _show_code(self, help_: Help, now: float) -> None:
        left = help_.until - now
        has_code = help_.stage is HelpStage.CODE
        alive = has_code and left > 0
        about = {HelpStage.ASKED: "help.asking", HelpStage.USED: "help.used"}.get(help_.stage, "help.read")
        self._about.setText(self._texts("help.expired" if has_code and not alive else about))
        self._code.setText(grouped(help_.code))
        self._code.setAccessibleName(self._texts("help.code_name", code=spoken(help_.code)))
        for part in (self._code_card, self._bar, self._copy, self._queue, self._seen):
            part.setVisible(alive)
        self._again.setVisible(has_code and not alive)
        self._stop.setVisible(help_.waiting)
        self._whole = max(self._whole, left) if alive else 1.0
        self._left.setText(self._texts("help.left", left=clock(left)))
        self._bar.setValue(round(max(0.0, left) / self._whole * STEPS))
        restyle(self._bar, "urgent", left < URGENT_SECONDS)
        self._queue.setText(queue_words(help_, now, self._texts))
        self._copy.setText(self._texts("help.copied" if self._copied == grouped(help_.code) else "help.copy"))

    def _show_page(self, page: QWidget) -> None:
        if page.isHidden():
            for one in (self._ask_page, self._article_page, self._code_page):
                one.setVisible(one is page)

    # -- articles -----------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        text = self._line.text().strip()

        def found(articles: Sequence[Article]) -> None:
            if text == self._line.text().strip():
                self._offer(articles)

        self._listener.articles_wanted(text, found)

    def _offer(self, articles: Sequence[Article]) -> None:
        if self._fitting.show_articles(articles) and articles and self._ask_page.isVisible():
            key = "help.found_one" if len(articles) == 1 else "help.found"
            announce(self._line, self._texts(key, count=len(articles), title=printable(articles[0].title)))
        if not self.isHidden():
            self.fit()

    def _read(self, article: Article) -> None:
        self._reading = True
        self._article_page.show_article(article)
        self._show_page(self._article_page)
        self._article_page.settle(self.width() - 44)
        self.fit()
        self._article_page.solved.setFocus()

    def _back(self) -> None:
        self._reading = False
        self._show_page(self._ask_page)
        self.fit()
        self._line.setFocus()

    def _solved(self) -> None:
        self.done()
        self._fitting.show_articles(())

    # -- what the person does ---------------------------------------------------------------------------------------

    def _ask(self) -> None:
        if self._get.isEnabled():
            self._listener.help_wanted(self._line.text().strip())

    def _cancel(self) -> None:
        self._listener.help_cancelled()
        self.close()

    def _copy_code(self) -> None:
        self._copied = self._code.text()
        QGuiApplication.clipboard().setText(self._code.text())
        self._copy.setText(self._texts("help.copied"))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes the window; a code stays good."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)
