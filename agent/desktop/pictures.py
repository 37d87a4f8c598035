"""The brand mark and the tray's icons, drawn: sharp at every size and pixel ratio, without files."""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap

from agent.desktop.state import Mood

BRAND = "#0b6b74"
GREY = "#6b7681"
SIZES = (16, 22, 24, 32, 48, 64, 128)
BADGES = {Mood.WAITING: "#e0a030", Mood.CONNECTED: "#d9443a", Mood.PAUSED: "#e0a030"}


def _handrail() -> QPainterPath:
    """The handrail of the brand mark, in a square of 32."""
    path = QPainterPath(QPointF(5, 22.5))
    path.cubicTo(12.5, 22.5, 14, 11.5, 27, 9)
    path.moveTo(10, 21)
    path.lineTo(10, 27)
    path.moveTo(22, 11)
    path.lineTo(22, 27)
    return path


def _badge(painter: QPainter, mood: Mood) -> None:
    """A dot at the lower right that is told by shape as well as by colour: full, ring, or two bars for paused."""
    colour = BADGES.get(mood)
    if colour is None:
        return
    painter.setPen(QPen(QColor("#ffffff"), 2.0))
    painter.setBrush(QColor(colour))
    painter.drawEllipse(QRectF(17, 17, 14, 14))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor("#ffffff"))
    if mood is Mood.PAUSED:
        painter.drawRect(QRectF(21.2, 20.8, 2.0, 6.4))
        painter.drawRect(QRectF(24.8, 20.8, 2.0, 6.4))
    elif mood is Mood.WAITING:
        painter.drawEllipse(QRectF(21.5, 21.5, 5, 5))


def mark(pixels: int, mood: Mood = Mood.READY) -> QPixmap:
    """The mark in `pixels` x `pixels` device pixels, as it stands for `mood`."""
    pixmap = QPixmap(pixels, pixels)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(pixels / 32, pixels / 32)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(GREY if mood is Mood.OFFLINE else BRAND))
    painter.drawRoundedRect(QRectF(0, 0, 32, 32), 7, 7)
    pen = QPen(QColor("#ffffff"), 2.6)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(_handrail())
    if mood is Mood.OFFLINE:
        pen.setWidthF(3.0)
        painter.setPen(pen)
        painter.drawLine(QPointF(5, 5), QPointF(27, 27))
    _badge(painter, mood)
    painter.end()
    return pixmap


def icon(mood: Mood = Mood.READY) -> QIcon:
    """The mark in every usual size."""
    found = QIcon()
    for size in SIZES:
        found.addPixmap(mark(size, mood))
    return found
