"""Streams over simulated links: current while things move, exact when they stand, whatever the link does. Nothing here sleeps."""

from dataclasses import replace

import numpy as np
import pytest

from agent.backends.geometry import Rect
from agent.screen.pacing import LOSSY_FILM_SECONDS
from tests.kit.shaped_link import MIDDLING, SLOW, Shape
from tests.unit.agent.screen.pictures import photo, text
from tests.unit.agent.screen.simulation import Simulation

WINDOW = Rect(40, 30, 720, 520)
LINKS = [SLOW, MIDDLING]


def settled(shape: Shape, seed: int = 1) -> Simulation:
    """A desktop with text, shown exactly."""
    simulation = Simulation(800, 600, shape, seed=seed)
    simulation.draw(Rect(0, 0, 800, 600), text(600, 800, seed=9))
    simulation.run(8.0)
    assert simulation.exact()
    simulation.ages.clear()
    return simulation


@pytest.mark.parametrize("shape", LINKS)
@pytest.mark.parametrize("seed", [1, 2])
def test_typing_shows_at_once(shape: Shape, seed: int) -> None:
    simulation, typed = settled(shape, seed), iter(range(10**6))

    def key() -> None:
        place = next(typed)
        simulation.draw(Rect(60 + place % 60 * 10, 200 + place // 60 % 10 * 20, 10, 20), text(20, 10, seed=place))

    simulation.run(8.0, key, 0.08)
    assert simulation.percentile(0.95) <= shape.delay + 0.1
    simulation.run(1.5)
    assert simulation.exact()


@pytest.mark.parametrize("shape", LINKS)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_page_that_scrolls_faster_than_the_link_carries_it_stays_current(shape: Shape, seed: int) -> None:
    simulation, rows = settled(shape, seed), iter(range(0, 10**6, 40))
    page = text(6000, 720, seed=3)

    def scroll() -> None:
        top = next(rows) % 5000
        simulation.draw(WINDOW, page[top : top + 520])

    simulation.run(8.0, scroll)
    assert simulation.percentile(0.95) <= shape.delay + 0.3
    simulation.run(6.0)
    assert simulation.exact()


@pytest.mark.parametrize("shape", LINKS)
def test_a_film_leaves_room_for_the_echo_of_a_key(shape: Shape) -> None:
    simulation = settled(replace(shape, loss=0.0))
    pictures = [photo(360, 480, seed=seed) for seed in range(6)]
    steps, keys = iter(range(10**6)), []

    def film() -> None:
        step = next(steps)
        simulation.draw(Rect(16, 16, 480, 360), pictures[step % 6])
        if step % 7 == 3 and step > 60:
            keys.append(simulation.now)
            simulation.draw(Rect(640, 500 + step % 3 * 16, 12, 16), text(16, 12, seed=step))

    simulation.run(12.0, film)
    assert simulation.ways["video motion"] > 100
    echoes = sorted(age for at, age in simulation.ages if at in keys and age < 5)
    assert echoes[int(len(echoes) * 0.95)] <= shape.round_trip + 0.06
    simulation.run(8.0)
    assert simulation.exact()


def echoes_beside_a_film(
    seed: int, seconds: float, thinking: float = 0.0, pause: int = 9, line: bool = False
) -> tuple[Simulation, list[float]]:
    """Keys beside a film with two meters where packets are lost, and how long each took to show; the program is `thinking` first.
    `pause` pictures are from key to key; a whole `line` is drawn anew with each, or a letter."""
    simulation = settled(SLOW, seed)
    pictures = [photo(360, 480, seed=picture) for picture in range(6)]
    steps, keys = iter(range(10**6)), dict[float, float]()

    def film() -> None:
        step, pressed = next(steps), simulation.now
        simulation.draw(Rect(16, 16, 480, 360), pictures[step % 6])
        simulation.draw(Rect(560, 32, 96, 20), text(20, 96, seed=step))
        simulation.draw(Rect(40, 560, 96, 20), text(20, 96, seed=-step % 997))

        def shows() -> None:
            keys[simulation.now] = pressed
            width = 96 if line else 12
            simulation.draw(Rect(640, 500, width, 16), np.full((16, width), 0xFF000000 | step * 7919, np.uint32))

        if step % pause == pause // 3 and step > 60:
            simulation.press(shows, thinking)

    simulation.run(8.0, film)
    simulation.films.clear()
    keys.clear()
    sent = simulation.sequence
    simulation.run(seconds, film)
    pictures_shown = len(simulation.films)
    assert simulation.sequence - sent <= pictures_shown + 1.2 * len(keys) + 2, "the meter goes with the film"
    assert 0.8 * seconds / LOSSY_FILM_SECONDS <= pictures_shown <= seconds / LOSSY_FILM_SECONDS + 1, "the film goes on, slower"
    simulation.run(0.5)
    return simulation, [at + age - keys[at] for at, age in simulation.ages if at in keys]


def test_a_film_gives_way_to_keys_where_packets_are_lost() -> None:
    echoes = sorted(echo for seed in (1, 2, 3) for echo in echoes_beside_a_film(seed, 12.0)[1])
    assert len(echoes) >= 3 * 12 * 3
    assert echoes[len(echoes) // 2] <= SLOW.round_trip + 0.02
    assert echoes[int(len(echoes) * 0.95)] <= SLOW.round_trip + 0.06


def test_what_a_slow_program_shows_does_not_wait_for_the_film() -> None:
    echoes = sorted(echoes_beside_a_film(1, 12.0, thinking=0.12)[1])
    assert echoes[len(echoes) // 2] <= SLOW.round_trip + 0.12 + 0.02


def test_a_line_that_is_drawn_anew_with_every_key_is_no_meter_however_fast_somebody_types() -> None:
    echoes = sorted(echoes_beside_a_film(1, 8.0, pause=2, line=True)[1])
    assert len(echoes) >= 8 * 14
    assert echoes[len(echoes) // 2] <= SLOW.round_trip + 0.02


def test_a_film_that_gave_way_to_keys_is_exact_when_it_ends() -> None:
    simulation, _ = echoes_beside_a_film(1, 4.0)
    sent = simulation.sequence
    simulation.run(8.0)
    assert simulation.sequence > sent
    assert simulation.exact()


@pytest.mark.parametrize("shape", LINKS)
def test_after_an_outage_of_three_seconds_the_picture_is_current_within_two(shape: Shape) -> None:
    simulation, rows = settled(shape), iter(range(0, 10**6, 8))
    page = text(6000, 720, seed=3)

    def scroll() -> None:
        top = next(rows) % 5000
        simulation.draw(WINDOW, page[top : top + 520])

    simulation.run(2.0, scroll)
    over = simulation.now + 3.0
    for way in (simulation.there, simulation.back):
        way.cut(simulation.now, over)
    simulation.run(8.0, scroll)
    assert min(at + age for at, age in simulation.ages if at > over) < over + 1.0
    assert simulation.percentile(0.95, since=over + 1.0) < shape.delay + 0.4


@pytest.mark.parametrize("shape", [SLOW, MIDDLING, Shape(rate=50e6, delay=0.001)])
def test_any_mixture_ends_in_an_identical_picture(shape: Shape) -> None:
    simulation, generator = settled(shape), np.random.default_rng(11)

    def anything() -> None:
        width, height = int(generator.integers(1, 400)), int(generator.integers(1, 300))
        area = Rect(int(generator.integers(0, 800 - width)), int(generator.integers(0, 600 - height)), width, height)
        make = photo if generator.random() < 0.4 else text
        simulation.draw(area, make(height, width, seed=int(generator.integers(1, 99))))

    simulation.run(3.0, anything, 0.05)
    simulation.run(12.0)
    assert simulation.exact()
    assert simulation.pacer.unacknowledged == 0
