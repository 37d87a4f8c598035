import pytest

from agent.screen.chooser import (
    COLOUR_DB,
    COSTS,
    Damage,
    History,
    LinkState,
    Way,
    Why,
    choose,
    choose_av1,
    choose_chroma,
)

NONE, SMALL, TEXT = Damage(0), Damage(2000, 500), Damage(200_000, 40_000)
PAGE, PHOTO = Damage(1_500_000, 400_000), Damage(300_000, 290_000)
STILL, MOVED, FILM, SETTLED = History(), History(moved=True), History(film=True), History(settled=True)
LOCAL, SLOW, FULL = LinkState(50e6), LinkState(250_000), LinkState(250_000, pressed=True)
TILES_ONLY = LinkState(250_000, pressed=True, video=False)


@pytest.mark.parametrize(
    ("damage", "history", "link", "way", "why"),
    [
        (NONE, STILL, LOCAL, Way.NOTHING, Why.SAME),
        (NONE, MOVED, FULL, Way.NOTHING, Why.SAME),
        (NONE, SETTLED, LOCAL, Way.REFINE, Why.STILL),
        (NONE, SETTLED, FULL, Way.REFINE, Why.STILL),
        (TEXT, MOVED, LOCAL, Way.COPY, Why.MOVED),
        (PHOTO, History(moved=True, film=True), FULL, Way.COPY, Why.MOVED),
        (SMALL, STILL, LOCAL, Way.TILE, Why.SMALL),
        (SMALL, STILL, FULL, Way.TILE, Why.SMALL),
        (TEXT, STILL, LOCAL, Way.TILE, Why.FLAT),
        (PHOTO, STILL, LOCAL, Way.TILE, Why.PHOTO),
        (PHOTO, FILM, LOCAL, Way.VIDEO, Why.MOTION),
        (PHOTO, FILM, TILES_ONLY, Way.TILE, Why.PHOTO),
        (TEXT, STILL, SLOW, Way.VIDEO, Why.LINK),
        (Damage(200_000, 10_000), STILL, SLOW, Way.TILE, Why.FLAT),
        (Damage(200_000, 10_000), STILL, FULL, Way.VIDEO, Why.LINK),
        (Damage(200_000, 10_000, beside=60_000), STILL, SLOW, Way.VIDEO, Why.LINK),
        (PAGE, STILL, LOCAL, Way.TILE, Why.FLAT),
        (PAGE, STILL, SLOW, Way.VIDEO, Why.LINK),
        (PAGE, STILL, TILES_ONLY, Way.TILE, Why.FLAT),
        (PHOTO, SETTLED, SLOW, Way.VIDEO, Why.LINK),
    ],
)
def test_the_way_of_a_region(damage: Damage, history: History, link: LinkState, way: Way, why: Why) -> None:
    choice = choose(damage, history, link, COSTS["auto"])
    assert (choice.way, choice.why) == (way, why)


def test_wishes_move_the_line_between_exact_and_at_once() -> None:
    region = Damage(120_000, 40_000)
    ways = {wish: choose(region, STILL, LinkState(200_000), costs).way for wish, costs in COSTS.items()}
    assert ways == {"auto": Way.VIDEO, "sharper": Way.TILE, "faster": Way.VIDEO, "saver": Way.VIDEO}


@pytest.mark.parametrize("pressed", [True, False])
def test_a_faster_link_never_makes_a_region_coarser(pressed: bool) -> None:
    for damage in (SMALL, TEXT, PAGE, PHOTO):
        coarse = [
            choose(damage, STILL, LinkState(rate, pressed), COSTS["auto"]).way is Way.VIDEO for rate in (1e4, 1e5, 1e6, 1e8)
        ]
        assert coarse == sorted(coarse, reverse=True)


def test_the_cost_model_is_near_what_tiles_cost() -> None:
    from agent.backends.geometry import Rect
    from agent.screen.classify import busy_pixels
    from agent.screen.frames import CellRect
    from agent.screen.tiles import TileEncoder
    from tests.unit.agent.screen.pictures import photo, text

    for picture in (text(320, 640), photo(320, 640)):
        cost = COSTS["auto"].lossless(Damage(picture.size, int(busy_pixels(picture, CellRect(0, 0, 20, 40)).sum())))
        real = len(TileEncoder().encode(picture, Rect(0, 0, 640, 320)).data)
        assert 0.3 < cost / real < 3


def test_full_colour_goes_where_it_is_needed_decoded_and_affordable() -> None:
    wide, narrow = LinkState(1_000_000.0), LinkState(500_000.0)
    assert choose_chroma(COLOUR_DB - 1, wide, 5_000_000)
    assert not choose_chroma(COLOUR_DB + 1, wide, 5_000_000)
    assert not choose_chroma(COLOUR_DB - 1, narrow, 5_000_000)
    assert not choose_chroma(COLOUR_DB - 1, LinkState(1_000_000.0, video=False), 5_000_000)


def test_av1_goes_where_the_link_is_not_the_bound() -> None:
    assert choose_av1(LinkState(1_000_000.0), 1_200_000)
    assert not choose_av1(LinkState(100_000.0), 1_200_000)
    assert not choose_av1(LinkState(1_000_000.0, video=False), 1_200_000)
