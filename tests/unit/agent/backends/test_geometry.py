from agent.backends.geometry import Rect


def test_intersection_and_union() -> None:
    left, right = Rect(0, 0, 10, 10), Rect(5, 5, 10, 10)
    assert left.intersect(right) == Rect(5, 5, 5, 5)
    assert left.union(right) == Rect(0, 0, 15, 15)


def test_rectangles_that_do_not_meet_have_an_empty_intersection() -> None:
    assert Rect(0, 0, 4, 4).intersect(Rect(4, 0, 4, 4)).area == 0


def test_an_empty_rectangle_adds_nothing_to_a_union() -> None:
    assert Rect(3, 3, 2, 2).union(Rect(0, 0, 0, 9)) == Rect(3, 3, 2, 2) == Rect(0, 0, 0, 9).union(Rect(3, 3, 2, 2))


def test_containing_and_moving() -> None:
    outer, inner = Rect(0, 0, 10, 10), Rect(2, 3, 4, 5)
    assert outer.contains(inner)
    assert not inner.contains(outer)
    assert inner.moved(6, 5) == Rect(8, 8, 4, 5)
    assert not outer.contains(inner.moved(7, 0))
