"""A window with one Qt text field: `python -m tests.kit.text_window FILE`. What stands in it is written to the file, to another
(FILE.clicks) how often it was clicked, and to a third (FILE.mouse) what the mouse did, a line each."""

import sys
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QContextMenuEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QPlainTextEdit

BUTTONS = {Qt.MouseButton.LeftButton: "left", Qt.MouseButton.RightButton: "right", Qt.MouseButton.MiddleButton: "middle"}


class Field(QPlainTextEdit):
    """Writes down what the mouse does to it."""

    def __init__(self, count: Path, mouse: Path) -> None:
        super().__init__()
        self._count, self._presses, self._mouse = count, 0, mouse

    def _tell(self, what: str, event: QMouseEvent) -> None:
        place = event.globalPosition().toPoint()
        with self._mouse.open("a", encoding="utf-8") as out:
            out.write(f"{what} {BUTTONS.get(event.button(), 'none')} {place.x()} {place.y()}\n")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._tell("press", event)
        super().mousePressEvent(event)
        self._presses += 1
        self._count.write_text(str(self._presses), encoding="utf-8")

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._tell("release", event)
        super().mouseReleaseEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._tell("double", event)
        super().mouseDoubleClickEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        turn = event.angleDelta()
        with self._mouse.open("a", encoding="utf-8") as out:
            out.write(f"wheel {turn.x()} {turn.y()}\n")
        super().wheelEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """None: it would take the next click."""
        event.accept()


def main() -> None:
    """Show it until ended."""
    out = Path(sys.argv[1])
    application = QApplication(sys.argv[:1])
    field = Field(out.with_suffix(".clicks"), out.with_suffix(".mouse"))
    field.setGeometry(20, 20, 500, 320)
    field.setTabChangesFocus(False)

    def write() -> None:
        fresh = out.with_suffix(".new")
        fresh.write_text(field.toPlainText(), encoding="utf-8")
        fresh.replace(out)

    field.textChanged.connect(write)
    field.show()
    field.activateWindow()
    field.setFocus()
    write()
    application.exec()


if __name__ == "__main__":
    main()
