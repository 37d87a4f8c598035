"""A window with one Qt text field; what stands in it is written to a file: `python -m tests.kit.text_window FILE`."""

import sys
from pathlib import Path

from PySide6.QtWidgets import QApplication, QPlainTextEdit


def main() -> None:
    """Show it until ended."""
    out = Path(sys.argv[1])
    application = QApplication(sys.argv[:1])
    field = QPlainTextEdit()
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
