"""Help articles: what an organisation tells people to try before they ask for help.

They are one signed document (policy role), `policy/articles.json`. An administrator writes each as a text file:

    # The printer does not print
    Words: printer, print, paper

    Is it switched on? ...
    - Open the lid.

Everything after the words is shown as it stands, as plain text. Pure: no clock, no I/O.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec

from protocol.documents import Document, decode_document
from protocol.errors import TrustError

ARTICLES_PATH: Final = "policy/articles.json"
MOST_ARTICLES: Final = 100
MOST_WORDS: Final = 30
TEXT_CHARACTERS: Final = 4000
ARTICLES_BYTES: Final = 512 * 1024
MOST_FITTING: Final = 3
COMMON_LETTERS: Final = 4
"""So many letters at the beginning make two words alike: "printing" and "printer", "Drucker" and "druckt"."""

ArticleId = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}\Z")]
Title = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Word = Annotated[str, msgspec.Meta(min_length=2, max_length=40)]
Body = Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_CHARACTERS)]
_TOKEN = re.compile(r"\w{2,}")
_HEAD = re.compile(r"#[ \t]+(?P<title>[^\s][^\n]*?)[ \t]*\n+words:(?P<words>[^\n]*)\n(?P<text>.*)\Z", re.IGNORECASE | re.DOTALL)


class Article(Document, frozen=True, kw_only=True):
    """One article. `words` are those that people use for what it helps with, in any language."""

    id: ArticleId
    title: Title
    words: Annotated[list[Word], msgspec.Meta(min_length=1, max_length=MOST_WORDS)]
    text: Body


class ArticleList(Document, frozen=True, kw_only=True):
    """`policy/articles.json`. `issued` is seconds since 1970."""

    v: Literal[1] = 1
    issued: float
    articles: Annotated[list[Article], msgspec.Meta(max_length=MOST_ARTICLES)] = msgspec.field(default_factory=list)


def decode_articles(data: bytes, *, whole: bool = False) -> ArticleList:
    """Read the signed document. `whole`: as in `decode_document`.

    Raises:
        NeedsUpdate: it is of a later format.
        TrustError: it is too large, or not such a document.
    """
    if len(data) > ARTICLES_BYTES:
        raise TrustError(f"The organisation's articles have {len(data)} bytes; at most {ARTICLES_BYTES} are read.")
    return decode_document(data, ArticleList, whole=whole)


def parse_article(identifier: str, source: str) -> Article:
    """An administrator's text file as an article.

    Raises:
        TrustError: it has no title or no words, or is too long; the text says how to write it.
    """
    found = _HEAD.match(source.replace("\r\n", "\n").lstrip("\ufeff\n \t"))
    if found is None:
        raise TrustError("An article begins with a line `# Title` and a line `Words: printer, paper`; its text follows.")
    fields = {
        "id": identifier,
        "title": found["title"],
        "words": [word.strip().casefold() for word in found["words"].split(",") if word.strip()],
        "text": found["text"].strip(),
    }
    try:
        return msgspec.convert(fields, Article)
    except msgspec.ValidationError as error:
        raise TrustError(f"This article cannot be published: {error}.") from error


def fitting(articles: Sequence[Article], said: str, most: int = MOST_FITTING) -> list[Article]:
    """The articles whose words are among those that somebody `said`, the best fit first."""
    tokens = {_plain(token) for token in _TOKEN.findall(said[:1000])}
    scored = [(_fit(article, tokens), article) for article in articles]
    best = sorted((one for one in scored if one[0]), key=lambda one: (-one[0], one[1].title))
    return [article for _, article in best[:most]]


def _fit(article: Article, tokens: set[str]) -> int:
    """How well: 3 for each of its words that was said, 2 for each that was said in another form."""
    total = 0
    for word in article.words:
        parts = [_plain(part) for part in _TOKEN.findall(word)]
        if parts and all(part in tokens for part in parts):
            total += 3
        elif parts and all(any(_alike(part, token) for token in tokens) for part in parts):
            total += 2
    return total


def _alike(one: str, other: str) -> bool:
    """The same beginning, and endings of a few letters."""
    shorter = min(len(one), len(other))
    common = next((at for at in range(shorter) if one[at] != other[at]), shorter)
    return common >= COMMON_LETTERS and max(len(one), len(other)) - common <= COMMON_LETTERS


def _plain(word: str) -> str:
    """Without capitals and accents, so that how somebody types does not matter."""
    parts = unicodedata.normalize("NFKD", word.casefold())
    return "".join(part for part in parts if not unicodedata.combining(part))
