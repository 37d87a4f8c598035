"""The widgets that every window is made of."""

import gc

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel

from agent.desktop.look import DARK, LIGHT
from agent.desktop.parts import ChoiceButton, Stillness, Window, brand, button, card, dress, label, palette_of, restyle, row


def test_text_is_never_markup(application: QApplication) -> None:
    shown = label("<b>Ana</b>", "strong")
    assert shown.textFormat() is Qt.TextFormat.PlainText
    assert shown.text() == "<b>Ana</b>"


def test_enter_and_space_press_a_button_but_not_a_key_that_is_held(application: QApplication) -> None:
    pressed: list[int] = []
    one = button("Go", clicked=lambda: pressed.append(1))
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
        QTest.keyClick(one, key)
    assert len(pressed) == 3
    held = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Return, Qt.KeyboardModifier.NoModifier, "\r", True)
    QApplication.sendEvent(one, held)
    QTest.keyClick(one, Qt.Key.Key_Return, Qt.KeyboardModifier.AltModifier)
    one.setEnabled(False)
    QTest.keyClick(one, Qt.Key.Key_Return)
    assert len(pressed) == 3


def test_a_choice_says_itself_to_a_screen_reader_and_wraps(application: QApplication) -> None:
    choice = ChoiceButton("Watch", "They can see your screen. " * 8)
    assert choice.accessibleName() == "Watch"
    assert choice.accessibleDescription().startswith("They can see")
    assert choice.heightForWidth(250) > choice.heightForWidth(900) > 0
    assert choice.hasHeightForWidth()
    assert choice.sizeHint().height() > 0
    title = choice.findChildren(QLabel)[0]
    choice.setEnabled(False)
    assert title.property("role") == "large-off"
    choice.setEnabled(True)
    assert title.property("role") == "large"


def test_a_window_is_as_tall_as_its_content(application: QApplication) -> None:
    window = Window(60)
    window.column.addWidget(label("short"))
    window.fit()
    before = window.height()
    window.column.addWidget(card("card", label("long " * 200), row(label("a"), None, label("b")), brand(24)))
    window.fit()
    window.centre()
    assert window.height() > before


def test_colours_come_from_the_palette(application: QApplication) -> None:
    application.setPalette(palette_of(DARK))
    dress(application)
    application.processEvents()
    assert DARK.paper in application.styleSheet()
    dress(application, "light")
    application.processEvents()
    assert LIGHT.paper in application.styleSheet()


def test_a_property_is_set_once(application: QApplication) -> None:
    shown = label("x")
    restyle(shown, "role", "poor")
    restyle(shown, "role", "poor")
    assert shown.property("role") == "poor"


def test_whether_less_motion_is_wanted_can_be_asked_again_and_again(application: QApplication) -> None:
    still = Stillness()
    for _ in range(3):
        _ = application.styleHints()  # somebody else's, which goes at once
        gc.collect()
        assert still() is False, "no desktop asks for it here"
    assert Stillness()() is False
