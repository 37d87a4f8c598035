from agent.backends.fake.input import FakeInput


def test_it_writes_down_what_it_was_told() -> None:
    injector = FakeInput()
    injector.unknown = {"日", "F99"}
    injector.move(1, 2)
    injector.button(0, True)
    injector.scroll(0, -1)
    assert injector.key("KeyA", True)
    assert not injector.key("F99", True)
    assert injector.character("a", "KeyA")
    assert not injector.character("日", lift=True)
    injector.release_all()
    injector.close()
    injector.close()
    assert injector.done == [
        ("move", 1, 2),
        ("button", 0, True),
        ("scroll", 0, -1),
        ("key", "KeyA", True),
        ("key", "F99", True),
        ("character", "a", "KeyA", False),
        ("character", "日", "", True),
        ("release_all",),
        ("close",),
    ]
