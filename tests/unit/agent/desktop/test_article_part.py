"""Articles in the help window: offered, read, inert."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from agent.desktop.article_part import LINES_SHOWN, ArticlePage, FittingArticles
from agent.desktop.parts import Window
from agent.desktop.texts import Texts
from protocol.articles import Article


def article(identifier: str = "printer", text: str = "Is it on?", title: str = "The printer & you") -> Article:
    return Article(id=identifier, title=title, words=["printer"], text=text)


def test_titles_are_offered_and_opened(application: QApplication, texts: Texts) -> None:
    opened: list[Article] = []
    part = FittingArticles(texts, opened.append)
    assert part.isHidden()
    window = Window(40)
    window.column.addWidget(part)
    window.show()
    two = [article(), article("network", title="No network")]
    assert part.show_articles(two)
    assert not part.show_articles(two), "the same as before"
    buttons = [one for one in part.findChildren(QPushButton) if one.isVisible()]
    assert [one.text() for one in buttons] == ["The printer && you", "No network"]
    buttons[1].click()
    assert opened == two[1:]
    assert part.show_articles([])
    assert part.isHidden()


def test_an_article_is_read_as_plain_text_and_a_long_one_is_scrolled(application: QApplication, texts: Texts) -> None:
    pressed: list[str] = []
    page = ArticlePage(
        texts, solved=lambda: pressed.append("solved"), still=lambda: pressed.append("still"), back=lambda: pressed.append("back")
    )
    page.show_article(article(text="<b>bold</b>\n- one"))
    page.settle(500)
    (label,) = [one for one in page.findChildren(QLabel) if "bold" in one.text()]
    assert (label.text(), label.textFormat()) == ("<b>bold</b>\n• one", Qt.TextFormat.PlainText)
    short = page._area.height()
    page.show_article(article(text="line\n" * 200))
    page.settle(500)
    assert short < page._area.height() <= LINES_SHOWN * label.fontMetrics().lineSpacing()
    for one in page.findChildren(QPushButton):
        one.click()
    assert sorted(pressed) == ["back", "solved", "still"]
