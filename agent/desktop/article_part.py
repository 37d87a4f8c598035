"""The organisation's help articles in the help window: up to three that fit what was typed, and one of them to read.

What is in them was signed by the organisation and is shown as plain text all the same.
"""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QFrame, QPushButton, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from agent.desktop.article_model import shown_text
from agent.desktop.parts import button, card, label, row
from agent.desktop.texts import Texts
from protocol.articles import MOST_FITTING, Article
from protocol.printable import printable

LINES_SHOWN = 18


class FittingArticles(QFrame):
    """Titles to press; hidden while none fits."""

    def __init__(self, texts: Texts, opened: Callable[[Article], None]) -> None:
        super().__init__()
        self._opened = opened
        self._articles: list[Article] = []
        self._buttons: list[QPushButton] = []
        titles = QVBoxLayout()
        titles.setSpacing(0)
        for at in range(MOST_FITTING):
            one = button("", "link", lambda at=at: self._press(at))  # type: ignore[misc]
            one.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)  # a long title is cut, not the window
            self._buttons.append(one)
            titles.addWidget(one)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(card("notice", label(texts("help.perhaps"), "strong"), titles))
        self.hide()

    def show_articles(self, articles: Sequence[Article]) -> bool:
        """Offer these; returns whether they are other ones than before."""
        changed = [one.id for one in articles] != [one.id for one in self._articles]
        self._articles = list(articles[:MOST_FITTING])
        for at, one in enumerate(self._buttons):
            one.setVisible(at < len(self._articles))
            one.setText(printable(self._articles[at].title).replace("&", "&&") if at < len(self._articles) else "")
        self.setVisible(bool(self._articles))
        return changed

    def _press(self, at: int) -> None:
        if at < len(self._articles):
            self._opened(self._articles[at])


class ArticlePage(QWidget):
    """One article, and how to go on from it."""

    def __init__(self, texts: Texts, *, solved: Callable[[], None], still: Callable[[], None], back: Callable[[], None]) -> None:
        """Args: solved: it helped. still: a technician is wanted all the same. back: to the question."""
        super().__init__()
        self._title = label("", "large")
        self._text = label()
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setWidget(self._text)
        self.still = button(texts("help.still"), clicked=still)
        self.solved = button(texts("help.solved"), "primary", solved)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self._title)
        column.addWidget(self._area)
        column.addWidget(label(texts("help.from_organisation"), "soft"))
        column.addLayout(row(button(texts("help.back"), clicked=back), None, self.still, self.solved))

    def show_article(self, article: Article) -> None:
        """Have it read from its beginning."""
        self._title.setText(printable(article.title))
        self._text.setText(shown_text(article.text))
        self._area.setAccessibleName(printable(article.title))
        self._area.verticalScrollBar().setValue(0)

    def settle(self, width: int) -> None:
        """Be as tall as the text at this width, up to `LINES_SHOWN` lines; longer ones are scrolled."""
        line = QFontMetrics(self._text.font()).lineSpacing()
        wanted = self._text.heightForWidth(width - 16) + 8
        self._area.setFixedHeight(min(wanted, LINES_SHOWN * line))
