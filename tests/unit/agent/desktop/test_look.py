"""Both sets of colours can be read, and the palette decides between them."""

import re
from dataclasses import fields

import pytest

from agent.desktop.look import DARK, LIGHT, Tokens, contrast, luminance, stylesheet, tokens_for
from tests.kit.processes import ROOT


@pytest.mark.parametrize("t", [LIGHT, DARK], ids=["light", "dark"])
def test_text_has_the_contrast_that_wcag_aa_asks_for(t: Tokens) -> None:
    for ink, paper in (
        (t.ink, t.paper),
        (t.ink, t.card),
        (t.ink_soft, t.paper),
        (t.ink_soft, t.card),
        (t.ink_soft, t.accent_soft),
        (t.accent, t.paper),
        (t.on_accent, t.accent),
        (t.accent_strong, t.accent_soft),
        (t.warn, t.warn_soft),
        (t.ink, t.warn_soft),
        (t.poor, t.paper),
        (t.good, t.card),
    ):
        assert contrast(ink, paper) >= 4.5, (ink, paper)
    assert contrast("#ffffff", t.poor_strong) >= 4.0
    assert contrast(t.line_strong, t.card) >= 2.95


def test_the_colours_are_the_consoles() -> None:
    css = (ROOT / "technician_client/console/web/css/base.css").read_text()
    plain = css.partition("data-contrast")[0]
    theirs = {name: pair for name, *pair in re.findall(r"--([a-z-]+): light-dark\((#\w{6}), (#\w{6})\);", plain)}
    for one in fields(Tokens):
        assert theirs[one.name.replace("_", "-")] == [getattr(LIGHT, one.name), getattr(DARK, one.name)], one.name


def test_the_palette_decides() -> None:
    assert tokens_for("#ffffff") is LIGHT
    assert tokens_for("#efefef") is LIGHT
    assert tokens_for("#2b2b2b") is DARK
    assert luminance("#000000") == 0.0
    assert contrast("#ffffff", "#000000") == pytest.approx(21)


def test_sizes_follow_the_font() -> None:
    assert "14.50pt" in stylesheet(LIGHT, 10)
    assert "29.00pt" in stylesheet(LIGHT, 20)
    assert stylesheet(DARK, 10) != stylesheet(LIGHT, 10)
