"""What this is, and whose."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from agent.desktop.parts import Window, brand, button, label, row
from agent.desktop.texts import Texts
from protocol.printable import printable
from protocol.version import PRODUCT

WIDTH = 60


class AboutWindow(Window):
    """Version, computer, organisation, and who decides."""

    def __init__(self, texts: Texts) -> None:
        super().__init__(WIDTH)
        self._texts = texts
        self.setWindowTitle(texts("about.title"))
        self._computer, self._organisation = label(), label()
        self._close = button(texts("help.close"), clicked=self.hide)
        beside = row(brand(44), spacing=14)
        beside.addWidget(label("Handrail", "heading"), 1)
        self.column.addLayout(beside)
        for part in (label(texts("about.version", version=PRODUCT)), self._computer, self._organisation):
            self.column.addWidget(part)
        self.column.addWidget(label(texts("about.signed")))
        self.column.addWidget(label(texts("about.licence"), "soft"))
        self.column.addLayout(row(None, self._close))

    def present(self, computer: str, organisation: str) -> None:
        """Show it; an empty name is left out."""
        self._computer.setText(self._texts("about.computer", label=printable(computer)))
        self._computer.setVisible(bool(computer))
        self._organisation.setText(self._texts("about.organisation", organisation=printable(organisation)))
        self._organisation.setVisible(bool(organisation))
        self.fit()
        self.centre()
        self.show()
        self.raise_()
        self.activateWindow()
        self._close.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes it."""
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)
