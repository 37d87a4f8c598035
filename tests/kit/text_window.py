"""A window with one Qt text field; what stands in it is written to a file, and to another (FILE.clicks) how often it was clicked:
`python -m tests.kit.text_window FILE`."""

import sys
from pathlib import Path

from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QPlainTextEdit


class Field(QPlainTextEdit):
    """Counts how often a button was pressed on it."""

    def __init__(self, count: Path) -> None:
        super().__init__()
        self._count, self._presses = count, 0

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        self._presses += 1
        self._count.write_text(str(self._presses), encoding="utf-8")


def main() -> None:
    """Show it until ended."""
    out = Path(sys.argv[1])
    application = QApplication(sys.argv[:1])
    field = Field(out.with_suffix(".clicks"))
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
