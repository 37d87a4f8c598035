"""The receipt of a session, with a rating; and the list of earlier ones."""

from typing import Protocol

from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QKeyEvent
from PySide6.QtWidgets import QFrame, QListWidget, QListWidgetItem, QPlainTextEdit, QScrollArea, QVBoxLayout, QWidget

from agent.desktop.parts import Window, button, card, label, row
from agent.desktop.receipt_model import card_of, row_words, stars_words
from agent.desktop.texts import Texts
from agent.receipts import ReceiptRow, ReceiptShown

WIDTH = 78
STARS = 5
LEAST_ROWS, MOST_ROWS, ROW_LINES = 3, 9, 2
COMMENT_CHARACTERS = 2000
SESSION_ROLE = Qt.ItemDataRole.UserRole


class ReceiptListener(Protocol):
    """Who hears what the person wants."""

    def receipt_wanted(self, session: str) -> None:
        """Show the receipt of this session."""

    def receipts_wanted(self) -> None:
        """Show the list."""

    def rated(self, session: str, stars: int, comment: str) -> None:
        """What they thought of it."""


class ReceiptWindow(Window):
    """One receipt, or the list of all."""

    def __init__(self, texts: Texts, listener: ReceiptListener) -> None:
        super().__init__(WIDTH)
        self._texts = texts
        self._listener = listener
        self._body = QWidget()
        self._stars = 0
        self.session = ""
        self._star_buttons: list[QWidget] = []
        self.column.addWidget(self._body)

    # -- the list -----------------------------------------------------------------------------------------------------

    def show_rows(self, rows: list[ReceiptRow]) -> None:
        """The list of receipts."""
        texts, page = self._texts, QWidget()
        column = self._begin(page, texts("receipt.list_title"))
        column.addWidget(label(texts("receipt.list_title"), "heading"))
        if not rows:
            column.addWidget(label(texts("receipt.none"), "soft"))
            column.addLayout(row(None, button(texts("help.close"), clicked=self.hide)))
            self._finish(page)
            return
        listed = QListWidget()
        listed.setAccessibleName(texts("receipt.list_title"))
        for one in rows:
            item = QListWidgetItem(row_words(one, texts))
            item.setData(SESSION_ROLE, one.session)
            item.setSizeHint(QSize(0, self.fontMetrics().height() * ROW_LINES))
            listed.addItem(item)
        listed.itemActivated.connect(lambda item: self._listener.receipt_wanted(item.data(SESSION_ROLE)))
        listed.itemClicked.connect(lambda item: self._listener.receipt_wanted(item.data(SESSION_ROLE)))
        listed.setCurrentRow(0)
        lines = min(max(len(rows), LEAST_ROWS), MOST_ROWS)
        listed.setFixedHeight(round(self.fontMetrics().height() * ROW_LINES * lines) + 2 * ROW_LINES)
        column.addWidget(listed)
        column.addLayout(row(None, button(texts("help.close"), clicked=self.hide)))
        self._finish(page)
        listed.setFocus()

    # -- one receipt --------------------------------------------------------------------------------------------------

    def show_receipt(self, receipt: ReceiptShown) -> None:
        """One receipt, with its rating."""
        texts, page = self._texts, QWidget()
        self.session = receipt.session
        shown = card_of(receipt, texts)
        column = self._begin(page, texts("receipt.title"))
        column.addWidget(label(shown.heading, "heading"))
        column.addWidget(label(shown.who))
        column.addWidget(label(shown.when, "soft"))
        for line in shown.lines:
            column.addWidget(label(line))
        column.addWidget(self._happened(shown.happened))
        column.addWidget(self._rating(receipt))
        everything = button(texts("receipt.all"), "link", self._listener.receipts_wanted)
        opened = button(texts("receipt.open_file"), "link", lambda: self._open(receipt.text))
        if not receipt.text:
            opened.hide()
        column.addLayout(row(everything, opened, None, button(texts("help.close"), clicked=self.hide)))
        self._finish(page)

    def _happened(self, happened: tuple[tuple[str, str], ...]) -> QFrame:
        listed = QWidget()
        lines = QVBoxLayout(listed)
        lines.setContentsMargins(0, 0, 6, 0)
        lines.setSpacing(4)
        for when, words in happened:
            at = label(when, "soft", wrap=False)
            beside = row(at, spacing=12)
            beside.addWidget(label(words), 1)
            beside.setAlignment(at, Qt.AlignmentFlag.AlignTop)
            lines.addLayout(beside)
        lines.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(listed)
        scroll.setAccessibleName(self._texts("receipt.happened"))
        scroll.setFixedHeight(self.fontMetrics().height() * min(10, 2 * len(happened) + 1))
        return card("card", label(self._texts("receipt.happened"), "strong"), scroll)

    def _rating(self, receipt: ReceiptShown) -> QFrame:
        texts = self._texts
        stars = [button("★", "star", lambda count=count: self._rate(count)) for count in range(1, STARS + 1)]  # type: ignore[misc]
        for count, star in enumerate(stars, 1):
            star.setCheckable(True)
            star.setAccessibleName(stars_words(count, texts))
            star.setToolTip(stars_words(count, texts))
        self._star_buttons = list(stars)
        self._comment = QPlainTextEdit(receipt.rating.comment)
        self._comment.setPlaceholderText(texts("receipt.comment"))
        self._comment.setAccessibleName(texts("receipt.comment"))
        self._comment.setTabChangesFocus(True)
        self._comment.setFixedHeight(self.fontMetrics().height() * 4)
        self._send = button(texts("receipt.send"), clicked=self._keep)
        self._thanks = label(texts("receipt.thanks"), "good", wrap=False)
        self._thanks.hide()
        self._rate(receipt.rating.stars)
        return card(
            "card",
            label(texts("receipt.rate"), "strong"),
            row(*stars, None, spacing=0),
            self._comment,
            row(self._thanks, None, self._send),
        )

    def _rate(self, count: int) -> None:
        self._stars = count
        for at, star in enumerate(self._star_buttons, 1):
            star.setProperty("checked", at <= count)
        self._send.setEnabled(count > 0)

    def _keep(self) -> None:
        self._listener.rated(self.session, self._stars, self._comment.toPlainText().strip()[:COMMENT_CHARACTERS])

    def kept(self, session: str) -> None:
        """The rating lies with its receipt."""
        if session == self.session:
            self._thanks.show()
            self._send.setEnabled(False)
            self.fit()

    # -- machinery ----------------------------------------------------------------------------------------------------

    def _begin(self, page: QWidget, title: str) -> QVBoxLayout:
        self.setWindowTitle(title)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        return column

    def _finish(self, page: QWidget) -> None:
        self.column.replaceWidget(self._body, page)
        self._body.hide()
        self._body.deleteLater()
        self._body = page
        page.show()
        hidden = self.isHidden()
        self.fit()
        if hidden:
            self.centre()
            self.show()
        self.raise_()
        self.activateWindow()

    @staticmethod
    def _open(path: str) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(path))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes it."""
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)
