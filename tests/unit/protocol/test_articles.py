"""Articles: read from an administrator's file, found by what people say, bounded."""

import msgspec
import pytest

from protocol.articles import ARTICLES_BYTES, MOST_FITTING, Article, ArticleList, decode_articles, fitting, parse_article
from protocol.documents import canonical_json
from protocol.errors import TrustError

SOURCE = "# The printer does not print\nWords: printer, print, paper jam, Drucker\n\nIs it on?\n- Open the lid.\n"
PRINTER = parse_article("printer", SOURCE)
NETWORK = parse_article("network", "\ufeff# No network\r\nwords: network, wifi, WLAN\r\n\r\nIs the cable in?\r\n")


def test_a_file_becomes_an_article() -> None:
    assert (
        Article(
            id="printer",
            title="The printer does not print",
            words=["printer", "print", "paper jam", "drucker"],
            text="Is it on?\n- Open the lid.",
        )
        == PRINTER
    )
    assert (NETWORK.title, NETWORK.text) == ("No network", "Is the cable in?")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("The printer", "begins with a line"),
        ("# Title\n\nText without words", "begins with a line"),
        ("# Title\nWords: printer\n\n", "text"),
        ("# Title\nWords: ,\n\nText", "words"),
        ("# Title\nWords: printer\n\n" + "x" * 4001, "text"),
        ("# " + "x" * 101 + "\nWords: printer\n\nText", "title"),
        ("# Title\nWords: " + ",".join(f"word{at}" for at in range(31)) + "\n\nText", "words"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_how_to_write_it(source: str, why: str) -> None:
    with pytest.raises(TrustError, match=why):
        parse_article("one", source)


@pytest.mark.parametrize("identifier", ["", "Printer", "../x", "a" * 41, "a b"])
def test_a_name_is_a_plain_word(identifier: str) -> None:
    with pytest.raises(TrustError):
        parse_article(identifier, SOURCE)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("the printer does not print", ["printer"]),
        ("PRINTING is slow", ["printer"]),
        ("Der Drucker druckt nicht", ["printer"]),
        ("there is a jam of paper", ["printer"]),
        ("kein wlan und der drucker geht nicht", ["printer", "network"]),
        ("the wi-fi", []),
        ("it does not work", []),
        ("pr", []),
        ("", []),
    ],
)
def test_what_was_said_finds_what_fits(said: str, found: list[str]) -> None:
    assert sorted(one.id for one in fitting([NETWORK, PRINTER], said)) == sorted(found)


def test_the_best_fit_comes_first_and_few_are_offered() -> None:
    assert fitting([NETWORK, PRINTER], "print on the printer over the network")[0].id == "printer"
    many = [msgspec.structs.replace(PRINTER, id=f"p{at}") for at in range(9)]
    assert len(fitting(many, "printer")) == MOST_FITTING
    assert fitting([parse_article("cafe", "# Café\nWords: café\n\nx")], "CAFE")[0].id == "cafe"


def test_the_signed_document_is_bounded_and_strict() -> None:
    document = ArticleList(issued=1.0, articles=[PRINTER, NETWORK])
    assert decode_articles(canonical_json(document)) == document
    with pytest.raises(TrustError, match="at most"):
        decode_articles(b" " * (ARTICLES_BYTES + 1))
    for wrong in (b"{}", b'{"v":1,"issued":1,"articles":[],"more":1}', b'{"v":2,"issued":1}', b"[" * 2000):
        with pytest.raises(TrustError):
            decode_articles(wrong)
