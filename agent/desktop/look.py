"""Colours and style: the console's, in light and in dark. Sizes follow the font that the user has chosen."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tokens:
    """One set of colours, `#rrggbb`; the names are those of the console's style sheets."""

    ink: str
    ink_soft: str
    paper: str
    card: str
    sunken: str
    line: str
    line_strong: str
    accent: str
    accent_strong: str
    accent_soft: str
    on_accent: str
    good: str
    good_soft: str
    warn: str
    warn_soft: str
    poor: str
    poor_soft: str
    poor_strong: str


LIGHT = Tokens(
    ink="#14191f",
    ink_soft="#525d68",
    paper="#f4f6f7",
    card="#ffffff",
    sunken="#eef1f3",
    line="#dbe1e6",
    line_strong="#8b97a3",
    accent="#0b6b74",
    accent_strong="#085760",
    accent_soft="#e2f1f2",
    on_accent="#ffffff",
    good="#17723a",
    good_soft="#e3f4e9",
    warn="#8a5300",
    warn_soft="#fdf1da",
    poor="#b3261e",
    poor_soft="#fdeae8",
    poor_strong="#b3261e",
)
DARK = Tokens(
    ink="#e8edf1",
    ink_soft="#a3afba",
    paper="#0e1216",
    card="#161b21",
    sunken="#11161b",
    line="#2a323b",
    line_strong="#667380",
    accent="#4fc4cd",
    accent_strong="#74d5dc",
    accent_soft="#12333a",
    on_accent="#06262a",
    good="#5cc985",
    good_soft="#12301e",
    warn="#f0b954",
    warn_soft="#38290d",
    poor="#ff9a91",
    poor_soft="#3d1815",
    poor_strong="#d9443a",
)


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb` (WCAG 2.2)."""

    def linear(part: str) -> float:
        value = int(part, 16) / 255
        return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(colour[at : at + 2]) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours (WCAG 2.2): 4.5 and more is fit for text."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def tokens_for(window_colour: str) -> Tokens:
    """The set that goes with the palette's window colour."""
    return DARK if luminance(window_colour) < 0.18 else LIGHT


def stylesheet(t: Tokens, points: float) -> str:
    """The style sheet of every window. `points`: the size of the user's own font."""

    def size(factor: float) -> str:
        return f"{points * factor:.2f}pt"

    return f"""
QWidget#window {{ background: {t.paper}; color: {t.ink}; }}
QLabel {{ color: {t.ink}; background: transparent; }}
QLabel[role="heading"] {{ font-size: {size(1.45)}; font-weight: 600; }}
QLabel[role="strong"] {{ font-weight: 600; }}
QLabel[role="large"] {{ font-size: {size(1.2)}; font-weight: 600; }}
QLabel[role="large-off"] {{ font-size: {size(1.2)}; font-weight: 600; color: {t.ink_soft}; }}
QLabel[role="soft"] {{ color: {t.ink_soft}; }}
QLabel[role="good"] {{ color: {t.good}; font-weight: 600; }}
QLabel[role="poor"] {{ color: {t.poor}; }}
QLabel[role="recorded"] {{
  color: #ffffff; background: {t.poor_strong}; border-radius: 6px; padding: 4px 9px; font-weight: 600;
}}
QLabel[role="code"] {{ font-family: "DejaVu Sans Mono", "Liberation Mono", monospace; font-size: {size(2.9)}; font-weight: 700; }}
QLabel[role="sas"] {{ font-family: "DejaVu Sans Mono", "Liberation Mono", monospace; font-size: {size(2.2)}; font-weight: 700; }}
QFrame[role="card"] {{ background: {t.card}; border: 1px solid {t.line}; border-radius: 8px; }}
QFrame[role="notice"] {{ background: {t.accent_soft}; border: 0; border-radius: 8px; }}
QFrame[role="notice"] QLabel[role="sas"], QFrame[role="notice"] QLabel[role="code"] {{ color: {t.accent_strong}; }}
QFrame[role="warning"] {{ background: {t.warn_soft}; border: 0; border-radius: 8px; }}
QFrame[role="warning"] QLabel {{ color: {t.warn}; }}
QFrame[role="quote"] {{ background: transparent; border: 0; border-left: 3px solid {t.accent}; }}
QPushButton, QToolButton {{
  background: {t.card}; color: {t.ink}; border: 1px solid {t.line_strong}; border-radius: 6px; padding: 6px 14px;
  font-weight: 500;
}}
QPushButton:hover, QToolButton:hover {{ border-color: {t.accent}; }}
QPushButton:pressed, QToolButton:pressed {{ background: {t.sunken}; }}
QPushButton:focus, QToolButton:focus {{ border: 2px solid {t.accent}; padding: 5px 13px; }}
QPushButton:disabled, QToolButton:disabled {{ color: {t.ink_soft}; border-color: {t.line}; background: {t.sunken}; }}
QPushButton[role="primary"] {{ background: {t.accent}; color: {t.on_accent}; border-color: {t.accent}; }}
QPushButton[role="primary"]:hover {{ background: {t.accent_strong}; }}
QPushButton[role="primary"]:focus {{ border: 2px solid {t.ink}; }}
QPushButton[role="primary"]:disabled {{ background: {t.sunken}; color: {t.ink_soft}; border-color: {t.line}; }}
QPushButton[role="danger"] {{ background: {t.poor_strong}; color: #ffffff; border-color: {t.poor_strong}; }}
QPushButton[role="danger"]:focus {{ border: 2px solid {t.ink}; }}
QPushButton[role="link"] {{
  background: transparent; border: 1px solid transparent; color: {t.accent}; padding: 6px 4px; text-align: left;
}}
QPushButton[role="link"]:hover {{ text-decoration: underline; }}
QPushButton[role="link"]:focus {{ border: 2px solid {t.accent}; padding: 5px 3px; }}
QPushButton[role="choice"] {{ border-radius: 8px; border-color: {t.line_strong}; padding: 0; text-align: left; }}
QPushButton[role="choice"]:focus {{ border: 2px solid {t.accent}; }}
QPushButton[role="choice"]:hover {{ background: {t.accent_soft}; }}
QPushButton[role="choice"]:disabled {{ background: {t.sunken}; border-color: {t.line}; }}
QCheckBox {{
  color: {t.ink}; background: transparent; spacing: 10px; padding: 4px; border: 2px solid transparent; border-radius: 6px;
}}
QCheckBox:focus {{ border-color: {t.accent}; }}
QCheckBox:disabled {{ color: {t.ink_soft}; }}
QCheckBox::indicator {{
  width: 16px; height: 16px; border: 2px solid {t.line_strong}; border-radius: 4px; background: {t.card};
}}
QCheckBox::indicator:checked {{
  background: {t.accent}; border-color: {t.accent}; image: url("icon:tick-{t.on_accent[1:]}.svg");
}}
QLineEdit, QPlainTextEdit {{
  background: {t.card}; color: {t.ink}; border: 1px solid {t.line_strong}; border-radius: 6px; padding: 7px 9px;
  selection-background-color: {t.accent}; selection-color: {t.on_accent};
}}
QLineEdit:focus, QPlainTextEdit:focus {{ border: 2px solid {t.accent}; padding: 6px 8px; }}
QProgressBar {{ background: {t.line}; border: 0; border-radius: 2px; max-height: 4px; min-height: 4px; }}
QProgressBar::chunk {{ background: {t.accent}; border-radius: 2px; }}
QProgressBar[urgent="true"]::chunk {{ background: {t.poor_strong}; }}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
QScrollBar::handle:vertical {{ background: {t.line_strong}; border-radius: 4px; min-height: 24px; margin: 0 1px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QScrollArea, QScrollArea > QWidget > QWidget {{ background: transparent; border: 0; }}
QListWidget {{ background: {t.card}; color: {t.ink}; border: 1px solid {t.line}; border-radius: 8px; outline: 0; padding: 4px; }}
QListWidget:focus {{ border: 2px solid {t.accent}; padding: 3px; }}
QListWidget::item {{ padding: 7px 8px; border-radius: 6px; }}
QListWidget::item:selected {{ background: {t.accent_soft}; color: {t.ink}; }}
QMenu {{ background: {t.card}; color: {t.ink}; border: 1px solid {t.line}; padding: 4px; }}
QMenu::item {{ padding: 6px 22px; border-radius: 4px; }}
QMenu::item:selected {{ background: {t.accent_soft}; }}
QMenu::item:disabled {{ color: {t.ink_soft}; }}
QMenu::separator {{ height: 1px; background: {t.line}; margin: 4px 8px; }}
QToolTip {{ background: {t.card}; color: {t.ink}; border: 1px solid {t.line_strong}; padding: 4px; }}
QFrame#banner {{ background: {t.card}; border: 1px solid {t.accent}; }}
QFrame#banner[paused="true"] {{ background: {t.warn_soft}; border-color: {t.warn}; }}
QFrame[role="bubble"] {{ background: {t.card}; border: 1px solid {t.line}; border-radius: 10px; }}
QFrame[role="bubble-own"] {{ background: {t.accent_soft}; border: 1px solid {t.accent_soft}; border-radius: 10px; }}
QPushButton[role="star"] {{
  background: transparent; border: 2px solid transparent; padding: 0 2px; font-size: {size(2.0)}; color: {t.line_strong};
}}
QPushButton[role="star"]:checked {{ color: {t.accent}; }}
QPushButton[role="star"]:focus {{ border: 2px solid {t.accent}; }}
"""
