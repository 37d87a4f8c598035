"""The icon differs for every mood, at every size."""

from PySide6.QtWidgets import QApplication

from agent.desktop.pictures import SIZES, icon, mark
from agent.desktop.state import Mood


def test_every_mood_has_its_own_icon(application: QApplication) -> None:
    for size in SIZES:
        pictures = [mark(size, mood).toImage() for mood in Mood]
        assert all(one != other for at, one in enumerate(pictures) for other in pictures[:at])
        assert all(picture.width() == picture.height() == size for picture in pictures)


def test_an_icon_has_all_sizes(application: QApplication) -> None:
    assert sorted(size.width() for size in icon(Mood.PAUSED).availableSizes()) == sorted(SIZES)
