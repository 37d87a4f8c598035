"""What a technician points at and draws, painted over the screen.

Each arrow, ring and stroke is a small window of its own that has exactly its shape (so no compositor is needed), takes no input
(clicks and keys go through to what lies below) and is managed by nobody. None of them covers a window of ours: what a person
reads and answers there cannot be painted over. Nothing runs while nothing is drawn. What goes by itself grows pale first, by the
opacity that a compositor gives its window (without one it is there until it goes), unless the desktop asks for less motion.
"""

import math
import time
from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QPointF, QRect, QRectF, Qt, QTimer
from PySide6.QtGui import (
    QBitmap,
    QColor,
    QFont,
    QGuiApplication,
    QPainter,
    QPainterPath,
    QPainterPathStroker,
    QPaintEvent,
    QRegion,
)
from PySide6.QtWidgets import QApplication, QWidget

from agent.desktop.drawing_model import COLOURS, FADE_SECONDS, RING_SECONDS, Drawings, ScreenPlace, Stroke, in_points, opacity
from agent.desktop.parts import Stillness
from agent.local_messages import Drawing

FRAME_MILLISECONDS = 33
PEN, HALO = 5.0, 9.0
ARROW_COLOUR = "#0b6b74"
LABEL_HEIGHT = 22.0
MOST_NAME = 40

Layer = tuple[QPainterPath, QColor]
FLAGS = (
    Qt.WindowType.Tool
    | Qt.WindowType.FramelessWindowHint
    | Qt.WindowType.WindowStaysOnTopHint
    | Qt.WindowType.X11BypassWindowManagerHint
    | Qt.WindowType.WindowTransparentForInput
    | Qt.WindowType.WindowDoesNotAcceptFocus
)


def can_draw() -> bool:
    """Whether windows can be shaped and let input through here: on X11."""
    return QGuiApplication.platformName() == "xcb"


class Mark(QWidget):
    """One shape over the screen: paths filled one over the other, on white."""

    def __init__(self) -> None:
        super().__init__(None, FLAGS)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._layers: Sequence[Layer] = ()
        self._text: tuple[str, QRectF] | None = None
        self._region = QRegion()
        self._shown = QRegion()
        self._opacity = 1.0

    def take(self, layers: Sequence[Layer], text: tuple[str, QRectF] | None = None) -> None:
        """Have this shape from now on, its paths in points of the desktop relative to `place`'s corner."""
        self._layers, self._text = layers, text
        bounds = layers[0][0].boundingRect()
        for path, _ in layers:
            bounds = bounds.united(path.boundingRect())
        self._bounds = bounds.toAlignedRect().adjusted(-1, -1, 1, 1)
        shape = QBitmap(self._bounds.size())
        shape.clear()
        painter = QPainter(shape)
        painter.translate(-self._bounds.topLeft())
        for path, _ in layers:
            painter.fillPath(path, Qt.GlobalColor.color1)
        painter.end()
        self._region, self._shown = QRegion(shape), QRegion()
        self.update()

    def place(self, x: float, y: float, shields: Sequence[QRect], opacity: float = 1.0) -> None:
        """Stand with the paths' origin at this point, except where `shields` are; `opacity`: how much of it is to be seen."""
        if opacity != self._opacity:
            self._opacity = opacity
            self.setWindowOpacity(opacity)
            # One pixel: Qt keeps what it has to tell the X server until something is painted.
            self.update(0, 0, 1, 1)
        area = self._bounds.translated(round(x), round(y))
        self.setGeometry(area)
        region = QRegion(self._region)
        for shield in shields:
            if shield.intersects(area):
                region = region.subtracted(QRegion(shield.translated(-area.topLeft())))
        if region != self._shown:
            self._shown = region
            self.setMask(region)
        if region.isEmpty():
            self.hide()
        elif self.isHidden():
            self.show()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """See QWidget."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), Qt.GlobalColor.white)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(-self._bounds.topLeft())
        for path, colour in self._layers:
            painter.fillPath(path, colour)
        if self._text is not None:
            painter.setPen(Qt.GlobalColor.white)
            painter.setFont(label_font())
            painter.drawText(self._text[1], Qt.AlignmentFlag.AlignCenter, self._text[0])


def label_font() -> QFont:
    """The font of the name at an arrow."""
    font = QFont(QApplication.font())
    font.setPixelSize(13)
    font.setBold(True)
    return font


def outlined(path: QPainterPath, colour: str) -> list[Layer]:
    """A line with a white edge, to be seen on anything."""
    layers: list[Layer] = []
    for width, paint in ((HALO, QColor("white")), (PEN, QColor(colour))):
        stroker = QPainterPathStroker()
        stroker.setWidth(width)
        stroker.setCapStyle(Qt.PenCapStyle.RoundCap)
        stroker.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        layers.append((stroker.createStroke(path), paint))
    return layers


def stroke_path(shape: str, points: Sequence[tuple[float, float]]) -> QPainterPath:
    """The line of a stroke; `points` has at least one."""
    first, last = QPointF(*points[0]), QPointF(*points[-1])
    path = QPainterPath(first)
    if all(point == points[0] for point in points):
        path.lineTo(first + QPointF(0.1, 0))  # a dot
    elif shape == "rectangle":
        path.addRect(QRectF(first, last).normalized())
    elif shape == "ellipse":
        path.addEllipse(QRectF(first, last).normalized())
    else:
        for point in points[1:] if shape == "pen" else points[-1:]:
            path.lineTo(*point)
        if shape == "arrow":
            towards = math.atan2(first.y() - last.y(), first.x() - last.x())
            for turn in (-0.45, 0.45):
                path.moveTo(last)
                path.lineTo(last + QPointF(math.cos(towards + turn), math.sin(towards + turn)) * 22)
    return path


def arrow_layers(name: str, metrics_width: float, *, left: bool) -> tuple[list[Layer], tuple[str, QRectF]]:
    """The arrow with its tip at the origin, and the name beside it (`left`: on its other side, at the edge of the desktop)."""
    arrow = QPainterPath(QPointF(0, 0))
    for x, y in ((0, 25), (6, 19.5), (10.5, 29), (15, 27), (10.6, 17.8), (18, 17.5)):
        arrow.lineTo(x, y)
    arrow.closeSubpath()
    width = metrics_width + 16
    box = QRectF(-width - 4 if left else 18.0, 26.0, width, LABEL_HEIGHT)
    label = QPainterPath()
    label.addRoundedRect(box, 5, 5)
    edge = QPainterPathStroker()
    edge.setWidth(4)
    edge.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    white, colour = QColor("white"), QColor(ARROW_COLOUR)
    return [(edge.createStroke(arrow), white), (edge.createStroke(label), white), (arrow, colour), (label, colour)], (name, box)


class Overlay(QObject):
    """Keeps the windows in line with the drawings."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, still: Callable[[], bool] | None = None) -> None:
        """Args: still: whether the desktop asks for less motion (None: as it says)."""
        super().__init__()
        self._clock = clock
        self._still = Stillness() if still is None else still
        self.drawings = Drawings()
        self._held = False
        self._strokes: dict[tuple[str, int], tuple[Mark, int]] = {}
        self._arrows: dict[str, tuple[Mark, tuple[str, bool]]] = {}
        self._rings: list[Mark] = []
        self._frame = QTimer(self)
        self._frame.setSingleShot(True)
        self._frame.timeout.connect(self.show_all)

    def hear(self, said: Drawing) -> None:
        """A technician points or draws; shown with the next frame."""
        self.drawings.hear(said, self._clock())
        if not self._frame.isActive() or self._frame.interval() > FRAME_MILLISECONDS:
            self._frame.start(0 if not self._frame.isActive() else FRAME_MILLISECONDS)

    def allow(self, sessions: set[str], *, held: bool) -> None:
        """Only these sessions may point, and none while `held` (a question stands on the screen)."""
        self.drawings.keep(sessions)
        self._held = held
        if self._strokes or self._arrows or self._rings:
            self.show_all()

    def show_all(self) -> None:
        """Bring every window in line, and wake up when that will not hold any more."""
        now = self._clock()
        self.drawings.pass_time(now)
        if self._held:
            self.drawings = Drawings()
        screens = [
            ScreenPlace(area.x(), area.y(), area.width(), area.height(), screen.devicePixelRatio())
            for screen in QGuiApplication.screens()
            for area in (screen.geometry(),)
        ]
        shields = self._shields()
        fade = 0.0 if self._still() else FADE_SECONDS
        self._show_strokes(screens, shields, now, fade)
        self._show_arrows(screens, shields, now, fade)
        self._show_rings(screens, shields, now, fade)
        if self.drawings.rings and fade:
            self._frame.start(FRAME_MILLISECONDS)
        elif not self.drawings.empty:
            # At least once a second: a window may have been put over them, and ours may have moved.
            change = min((self.drawings.next_change(now, fade), *(ring.since + RING_SECONDS for ring in self.drawings.rings)))
            self._frame.start(int(max(0.02, min(1.0, change - now)) * 1000))

    def _shields(self) -> list[QRect]:
        ours = [one for one in QApplication.topLevelWidgets() if one.isVisible() and not isinstance(one, Mark)]
        return [one.frameGeometry() for one in ours]

    def _show_strokes(self, screens: Sequence[ScreenPlace], shields: Sequence[QRect], now: float, fade: float) -> None:
        for key in self._strokes.keys() - self.drawings.strokes.keys():
            self._strokes.pop(key)[0].deleteLater()
        for key, stroke in self.drawings.strokes.items():
            if not stroke.points:
                continue
            mark, version = self._strokes.get(key) or (Mark(), -1)
            if version != stroke.version:
                mark.take(_stroke_layers(stroke, screens))
                self._strokes[key] = (mark, stroke.version)
            mark.place(0, 0, shields, opacity(stroke.until, now, fade))
            mark.raise_()

    def _show_arrows(self, screens: Sequence[ScreenPlace], shields: Sequence[QRect], now: float, fade: float) -> None:
        for session in self._arrows.keys() - self.drawings.arrows.keys():
            self._arrows.pop(session)[0].deleteLater()
        for session, arrow in self.drawings.arrows.items():
            x, y = in_points(screens, arrow.x, arrow.y)
            name = arrow.name[:MOST_NAME]
            mark, looks = self._arrows.get(session) or (Mark(), ("", False))
            wide = mark.fontMetrics().horizontalAdvance(name) * 1.25
            left = x + wide + 40 > max(screen.x + screen.width for screen in screens)
            if looks != (name, left) or session not in self._arrows:
                mark.take(*arrow_layers(name, wide, left=left))
                self._arrows[session] = (mark, (name, left))
            mark.place(x, y, shields, opacity(arrow.until, now, fade))
            mark.raise_()

    def _show_rings(self, screens: Sequence[ScreenPlace], shields: Sequence[QRect], now: float, fade: float) -> None:
        while len(self._rings) > len(self.drawings.rings):
            self._rings.pop().deleteLater()
        while len(self._rings) < len(self.drawings.rings):
            self._rings.append(Mark())
        for mark, ring in zip(self._rings, self.drawings.rings, strict=True):
            circle = QPainterPath()
            radius = 8 + 20 * (min(1.0, (now - ring.since) / RING_SECONDS) if fade else 1.0)
            circle.addEllipse(QPointF(0, 0), radius, radius)
            mark.take(outlined(circle, ARROW_COLOUR))
            mark.place(*in_points(screens, ring.x, ring.y), shields, opacity(ring.since + RING_SECONDS, now, fade / 2))
            mark.raise_()

    def close(self) -> None:
        """Take everything away."""
        self._frame.stop()
        self.drawings = Drawings()
        for mark in [mark for mark, _ in (*self._strokes.values(), *self._arrows.values())] + self._rings:
            mark.deleteLater()
        self._strokes.clear()
        self._arrows.clear()
        self._rings.clear()


def _stroke_layers(stroke: Stroke, screens: Sequence[ScreenPlace]) -> list[Layer]:
    points = [in_points(screens, x, y) for x, y in stroke.points]
    return outlined(stroke_path(stroke.shape, points), COLOURS[stroke.colour])
