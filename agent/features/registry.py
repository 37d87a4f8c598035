"""Every feature this agent has, in one list: adding one means naming it here."""

from agent.features.base import Feature
from agent.features.chat import ChatFeature
from agent.features.clipboard import ClipboardFeature
from agent.features.colleagues import ColleaguesFeature
from agent.features.diagnostics import DiagnosticsFeature
from agent.features.files import FilesFeature
from agent.features.fixes import FixesFeature
from agent.features.forward import ForwardFeature
from agent.features.input import InputFeature
from agent.features.live import LiveFeature
from agent.features.logs import LogsFeature
from agent.features.pointer import PointerFeature
from agent.features.power import PowerFeature
from agent.features.recording import RecordingFeature
from agent.features.screen import ScreenFeature
from agent.features.terminal import TerminalFeature

FEATURES: tuple[type[Feature], ...] = (
    ScreenFeature,
    InputFeature,
    PointerFeature,
    ChatFeature,
    ColleaguesFeature,
    DiagnosticsFeature,
    LiveFeature,
    FixesFeature,
    FilesFeature,
    ClipboardFeature,
    LogsFeature,
    TerminalFeature,
    ForwardFeature,
    RecordingFeature,
    PowerFeature,
)
