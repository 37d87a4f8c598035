"""The few widgets that every window is made of."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QDir, QEvent, QObject, QSize, Qt
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QColor, QGuiApplication, QKeyEvent, QPalette
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from agent.desktop.look import DARK, LIGHT, Tokens, stylesheet, tokens_for
from agent.desktop.pictures import mark

THEMES = {"light": LIGHT, "dark": DARK}
SMALLEST_POINTS = 10.0
ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


def palette_of(t: Tokens) -> QPalette:
    """A palette in these colours, for what the style sheet does not reach."""
    palette = QPalette(QColor(t.card), QColor(t.paper))
    for role, colour in (
        (QPalette.ColorRole.WindowText, t.ink),
        (QPalette.ColorRole.Text, t.ink),
        (QPalette.ColorRole.ButtonText, t.ink),
        (QPalette.ColorRole.Base, t.card),
        (QPalette.ColorRole.Highlight, t.accent),
        (QPalette.ColorRole.HighlightedText, t.on_accent),
        (QPalette.ColorRole.PlaceholderText, t.ink_soft),
    ):
        palette.setColor(role, QColor(colour))
    return palette


def dress(application: QApplication, theme: str = "auto") -> None:
    """Give every window its colours: those that go with the palette, and again whenever that changes. `theme` "light" or "dark"
    sets the palette instead."""
    QDir.setSearchPaths("icon", [str(Path(__file__).parent / "icons")])

    def paint() -> None:
        window = application.palette().color(QPalette.ColorRole.Window).name()
        sheet = stylesheet(tokens_for(window), application.font().pointSizeF())
        if sheet != application.styleSheet():
            application.setStyleSheet(sheet)

    application.setStyle("Fusion")
    if theme in THEMES:
        application.setPalette(palette_of(THEMES[theme]))
    font = application.font()
    if font.pointSizeF() < SMALLEST_POINTS:
        font.setPointSizeF(SMALLEST_POINTS)
        application.setFont(font)
    paint()
    application.styleHints().colorSchemeChanged.connect(lambda _scheme: paint())
    application.installEventFilter(_PaletteWatch(application, paint))


class _PaletteWatch(QObject):
    """Notices that the desktop's palette or font was changed."""

    def __init__(self, application: QApplication, changed: Callable[[], None]) -> None:
        super().__init__(application)
        self._changed = changed

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Qt's hook: looks, takes nothing away."""
        if event.type() in (QEvent.Type.ApplicationPaletteChange, QEvent.Type.ApplicationFontChange):
            self._changed()
        return super().eventFilter(watched, event)


def label(text: str = "", role: str = "", *, wrap: bool = True) -> QLabel:
    """Plain text (never markup: it may come from somebody else), in one of the style sheet's roles."""
    found = QLabel()
    found.setTextFormat(Qt.TextFormat.PlainText)
    found.setText(text)
    found.setWordWrap(wrap)
    found.setProperty("role", role)
    return found


def button(text: str, role: str = "", clicked: Callable[[], None] | None = None) -> QPushButton:
    """A button that Enter presses as well as Space."""
    found = Button(text)
    found.setProperty("role", role)
    if clicked is not None:
        found.clicked.connect(lambda _checked=False: clicked())
    return found


def restyle(widget: QWidget, name: str, value: object) -> None:
    """Set a property that the style sheet looks at."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def announce(widget: QWidget, text: str) -> None:
    """Have a screen reader say this, wherever the keyboard is."""
    QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(widget, text))


class Stillness:
    """Tells, when called, whether the desktop asks for less motion; never where Qt cannot tell (before 6.12)."""

    def __init__(self) -> None:
        self._style = QGuiApplication.styleHints()  # kept: without it PySide takes what belongs to it for deleted
        self._hints = self._style.accessibility() if hasattr(self._style, "accessibility") else None

    def __call__(self) -> bool:
        if self._hints is None or not hasattr(self._hints, "motionPreference"):
            return False
        return self._hints.motionPreference() is Qt.MotionPreference.ReducedMotion


class Button(QPushButton):
    """Enter presses the button that has the focus, and no other; a key that is held down presses nothing."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's hook."""
        if event.isAutoRepeat():
            event.accept()
        elif event.key() in ENTER and event.modifiers() in (
            Qt.KeyboardModifier.NoModifier,
            Qt.KeyboardModifier.KeypadModifier,
        ):
            self.click()
        else:
            super().keyPressEvent(event)


class ChoiceButton(Button):
    """A large answer: a title and below it what it means, both wrapped."""

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self.setProperty("role", "choice")
        self.setAccessibleName(title)
        self.setAccessibleDescription(text)
        self._title = label(title, "large")
        self._text = label(text, "soft")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 11, 16, 11)
        layout.setSpacing(2)
        for part in (self._title, self._text):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            layout.addWidget(part)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def changeEvent(self, event: QEvent) -> None:
        """The text goes pale with the button."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.EnabledChange:
            restyle(self._title, "role", "large" if self.isEnabled() else "large-off")

    def hasHeightForWidth(self) -> bool:
        """Its text is wrapped."""
        return True

    def heightForWidth(self, width: int) -> int:
        """As tall as the wrapped text."""
        layout = self.layout()
        return layout.totalHeightForWidth(width) if layout is not None else 0

    def sizeHint(self) -> QSize:
        """Of its text."""
        layout = self.layout()
        return layout.sizeHint() if layout is not None else super().sizeHint()


class Window(QWidget):
    """A window of ours. `fit` gives it the height that its content needs at its width."""

    def __init__(self, characters: int) -> None:
        """Args: characters: its width, in characters of the user's font."""
        super().__init__()
        self.setObjectName("window")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setWindowIcon(QApplication.windowIcon())
        self.setFixedWidth(self.fontMetrics().averageCharWidth() * characters)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(22, 20, 22, 18)
        self.column.setSpacing(12)

    def fit(self) -> None:
        """As tall as needed, no taller than the screen."""
        # What was added, shown or hidden a moment ago says so, and gets its font, by events that are still in the queue.
        for part in self.findChildren(QWidget):
            part.ensurePolished()
        QApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
        self.column.activate()
        wanted = self.column.totalHeightForWidth(self.width()) if self.column.hasHeightForWidth() else self.sizeHint().height()
        most = QGuiApplication.primaryScreen().availableGeometry().height() - 40
        self.setFixedHeight(min(wanted, most))

    def centre(self) -> None:
        """In the middle of the screen."""
        area = QGuiApplication.primaryScreen().availableGeometry()
        self.move(area.center().x() - self.width() // 2, area.top() + max(0, (area.height() - self.height()) * 2 // 5))


def row(*parts: QWidget | None, spacing: int = 8) -> QHBoxLayout:
    """Parts beside each other; None takes up the space that is left."""
    found = QHBoxLayout()
    found.setSpacing(spacing)
    for part in parts:
        if part is None:
            found.addStretch(1)
        else:
            found.addWidget(part)
    return found


def card(role: str, *parts: QWidget | QLayout, margin: int = 14) -> QFrame:
    """A frame with parts below each other."""
    frame = QFrame()
    frame.setProperty("role", role)
    column = QVBoxLayout(frame)
    column.setContentsMargins(margin, margin - 4, margin, margin - 4)
    column.setSpacing(4)
    for part in parts:
        if isinstance(part, QLayout):
            column.addLayout(part)
        else:
            column.addWidget(part)
    return frame


def brand(side: int) -> QLabel:
    """The mark, `side` pixels of the user's scale."""
    ratio = QGuiApplication.primaryScreen().devicePixelRatio()
    pixmap = mark(round(side * ratio))
    pixmap.setDevicePixelRatio(ratio)
    found = QLabel()
    found.setPixmap(pixmap)
    found.setFixedSize(side, side)
    return found
