"""The composition root of the desktop side: one state, one wire, and the windows that show it."""

import logging
import os
import time
from collections.abc import Callable, Collection, Sequence

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QSocketNotifier, QTimer

from agent.backends.hotkey import Hotkey, open_hotkey
from agent.desktop.about_window import AboutWindow
from agent.desktop.allowed_window import AllowedWindow
from agent.desktop.banner import Banner
from agent.desktop.chat_window import ChatWindow
from agent.desktop.consent_window import ConsentWindow
from agent.desktop.help_window import HelpWindow
from agent.desktop.home_window import HomeWindow
from agent.desktop.menu_model import Command
from agent.desktop.overlay import Overlay, can_draw
from agent.desktop.receipt_window import ReceiptWindow
from agent.desktop.runner import AgentRunner, agent_argv
from agent.desktop.state import DesktopState, HelpStage
from agent.desktop.texts import Texts
from agent.desktop.tray import Tray
from agent.desktop.wire import Wire
from agent.local_messages import (
    AllowedReply,
    AnswerConsent,
    ArticlesReply,
    AskAllowed,
    AskStatus,
    CancelHelp,
    ChatHeard,
    Drawing,
    Failed,
    FindArticles,
    ListReceipts,
    MoreTime,
    PauseSession,
    RateSession,
    ReadReceipt,
    ReceiptReply,
    ReceiptsReply,
    RequestHelp,
    RevokeCapability,
    Said,
    SayChat,
    SessionOver,
    StatusReply,
    StopSession,
)
from agent.settings import AgentSettings
from protocol.articles import Article
from protocol.capabilities import Capability
from protocol.errors import Unavailable

_LOGGER = logging.getLogger(__name__)
TICK_MILLISECONDS = 1000
TRAY_PATIENCE = 2


class Desktop(QObject):
    """Hears the daemon and the person, and shows each what the other does."""

    def __init__(
        self,
        settings: AgentSettings,
        texts: Texts,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        runner: AgentRunner | None = None,
    ) -> None:
        """Args: runner: starts an agent where none runs (None: the one of this installation)."""
        super().__init__()
        self._clock, self._wall, self._texts = clock, wall, texts
        self.state = DesktopState()
        self.wire = Wire(settings.socket, self, draws=can_draw())
        self.overlay = Overlay(clock)
        self._runner = AgentRunner(agent_argv(settings.home), self._agent_ended) if runner is None else runner
        self._agent_seen = False
        self._agent_note = ""
        self._hotkey = self._open_hotkey()
        self.consent = ConsentWindow(texts, self, clock)
        self.banner = Banner(texts, self, wall, hotkey=self._hotkey is not None)
        self.help = HelpWindow(texts, self, clock)
        self.receipts = ReceiptWindow(texts, self)
        self.about = AboutWindow(texts)
        self.allowed = AllowedWindow(texts)
        self.chats: dict[str, ChatWindow] = {}
        self.tray = Tray(texts, self.chosen, self.show_home)
        self._has_tray = False
        self._ticks = 0
        self.home = HomeWindow(texts, self.chosen, lambda: self._has_tray)
        self._ticker = QTimer(self)
        self._ticker.setInterval(TICK_MILLISECONDS)
        self._ticker.timeout.connect(self._tick)

    def start(self, *, get_help: bool = False) -> None:
        """Dial the daemon and begin to show."""
        self._has_tray = self.tray.there
        self._ticker.start()
        self.wire.dial()
        self.refresh()
        if get_help:
            self.help.present()

    def close(self) -> None:
        """End what this started: the agent too, when it is ours."""
        self._ticker.stop()
        self.wire.close()
        self.tray.close()
        self.overlay.close()
        if self._hotkey is not None:
            self._listening.setEnabled(False)
            self._hotkey.close()
        self._runner.stop()
        # Windows go while Qt is whole, not in whatever order the interpreter takes things down.
        for window in (
            self.consent,
            self.banner,
            self.help,
            self.receipts,
            self.about,
            self.allowed,
            self.home,
            *self.chats.values(),
        ):
            window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def refresh(self) -> None:
        """Bring every window in line with the state."""
        state = self.state
        self.tray.show_state(state)
        self.home.show_state(state)
        self.help.show_state(state)
        self.banner.show_state(state)
        for session, window in self.chats.items():
            window.show_chat(state.conversation(session))
        self.consent.show_questions(state.questions)
        may_point = {one.session for one in state.sessions.values() if Capability.POINTER in one.granted and not one.paused}
        self.overlay.allow(may_point, held=bool(state.questions))

    def _tick(self) -> None:
        self._ticks += 1
        if not self._has_tray:
            self._has_tray = self.tray.there
            if not self._has_tray and self._ticks == TRAY_PATIENCE:
                self.show_home(take_keyboard=False)
        self.refresh()

    # -- the daemon (`wire.WireListener`) -----------------------------------------------------------------------------

    def agent_here(self) -> None:
        """It answers."""
        self._agent_seen = True
        self.state.agent_here()
        self.refresh()

    def agent_gone(self, reason: str) -> None:
        """It does not. One that never was there is started; one that went is somebody else's to bring back."""
        _LOGGER.debug("no agent: %s", reason)
        if not self._agent_seen or self._runner.running:
            self._runner.start()
        note = self._agent_note or self._texts("offline.starting" if self._runner.running else "offline.no_agent")
        self.state.agent_gone(note)
        self.refresh()

    def _agent_ended(self, line: str) -> None:
        self._agent_note = self._texts.retold(line)
        if not self.state.agent_up:
            self.state.agent_gone(self._agent_note or self._texts("offline.no_agent"))
            self.refresh()

    def heard(self, said: Said) -> None:
        """It says something."""
        if isinstance(said, Drawing):
            self.overlay.hear(said)
            return
        was_used = self.state.help.stage is HelpStage.USED
        self.state.hear(said, self._clock(), self._wall())
        if was_used and self.state.help.stage is HelpStage.IDLE:
            self.help.done()
        match said:
            case ChatHeard(session=session):
                self.refresh()
                self._chat(session).present(take_keyboard=False)
            case SessionOver(session=session, receipt=receipt) if session and receipt:
                self.receipt_wanted(session)
            case _:
                pass
        self.refresh()

    # -- the menu -----------------------------------------------------------------------------------------------------

    def chosen(self, command: Command) -> None:
        """Something was picked from the tray's menu or the small window."""
        match command:
            case Command.HELP | Command.CODE:
                self.help.present()
            case Command.CHAT:
                for session in self.state.chatting[-1:]:
                    self.chat_opened(session)
            case Command.PAUSE:
                self.session_paused("", not self.state.all_paused)
            case Command.STOP:
                self.session_stopped("")
            case Command.RECEIPTS:
                self.receipts_wanted()
            case Command.ALLOWED:
                self.wire.request(AskAllowed, self._show_allowed)
            case Command.ABOUT:
                self.wire.request(AskStatus, self._show_about)

    def show_home(self, *, take_keyboard: bool = True) -> None:
        """Show the small window."""
        self.home.show_state(self.state)
        self.home.present(take_keyboard=take_keyboard)

    def wanted(self, get_help: bool) -> None:
        """Somebody started the desktop side a second time."""
        if get_help:
            self.help.present()
        else:
            self.show_home()

    def _show_allowed(self, said: Said) -> None:
        if isinstance(said, AllowedReply):
            self.allowed.present(said.allowed)

    def _show_about(self, said: Said) -> None:
        status = said.status if isinstance(said, StatusReply) else None
        self.about.present(status.label if status else "", status.organisation if status else "")

    # -- consent (`consent_window.ConsentListener`) -------------------------------------------------------------------

    def consent_answered(self, question: int, granted: Collection[Capability], yes: bool, after_restart: bool = False) -> None:
        """An answer."""
        self.state.drop_question(question)
        self.wire.request(lambda number: AnswerConsent(number, question, list(granted), yes, after_restart))
        self.refresh()

    def more_time_wanted(self, question: int) -> None:
        """They want longer."""
        self.wire.request(lambda number: MoreTime(number, question))

    # -- sessions (`banner.BannerListener`) -----------------------------------------------------------------------------

    def session_stopped(self, session: str) -> None:
        """End it; "" ends all."""
        self.wire.request(lambda number: StopSession(number, session))

    def session_paused(self, session: str, paused: bool) -> None:
        """Hold it back, or let it go on; "" means all."""
        self.wire.request(lambda number: PauseSession(number, paused, session))

    def pointing_stopped(self, session: str) -> None:
        """They may not point and draw any more."""
        self.wire.request(lambda number: RevokeCapability(number, session, Capability.POINTER))

    def panic(self) -> None:
        """The key that ends everything: every session, and every question with No."""
        for question in list(self.state.questions):
            self.consent_answered(question.number, (), False)
        if self.state.sessions:
            self.session_stopped("")

    def _open_hotkey(self) -> Hotkey | None:
        try:
            hotkey = open_hotkey(os.environ)
        except Unavailable as error:
            _LOGGER.info("no key ends sessions from anywhere: %s", error)
            return None
        self._listening = QSocketNotifier(hotkey.fileno(), QSocketNotifier.Type.Read, self)
        self._listening.activated.connect(self._hotkey_readable)
        return hotkey

    def _hotkey_readable(self) -> None:
        if self._hotkey is None:
            return
        try:
            if self._hotkey.pressed():
                self.panic()
        except Unavailable:
            self._listening.setEnabled(False)

    # -- help (`help_window.HelpListener`) --------------------------------------------------------------------------------

    def help_wanted(self, text: str) -> None:
        """A code."""
        if self.state.help.waiting:  # the old one has run out here, but the daemon still counts it
            self.wire.request(CancelHelp)
        self.state.ask_for_help(text, self._clock())
        self.wire.request(lambda number: RequestHelp(number, text), self._help_answered)
        self.refresh()

    def help_cancelled(self) -> None:
        """No code any more."""
        self.wire.request(CancelHelp)
        self.state.cancel_help()
        self.refresh()

    def articles_wanted(self, text: str, found: Callable[[Sequence[Article]], None]) -> None:
        """The organisation's that fit what is wrong; none where the agent cannot say."""

        def answered(said: Said) -> None:
            found(said.articles if isinstance(said, ArticlesReply) else ())

        self.wire.request(lambda number: FindArticles(number, text), answered)

    def _help_answered(self, said: Said) -> None:
        if isinstance(said, Failed):
            self.state.help_refused(said.text)
            self.refresh()

    # -- chat (`chat_window.ChatListener`) ----------------------------------------------------------------------------------

    def chat_opened(self, session: str) -> None:
        """The person wants to see it."""
        window = self._chat(session)
        window.present(take_keyboard=True)
        self.chat_seen(session)

    def chat_said(self, session: str, text: str) -> None:
        """One line to the technician; shown when the daemon has taken it."""

        def answered(said: Said) -> None:
            if isinstance(said, Failed):
                self._chat(session).not_sent(said.text)
            else:
                self.state.said(session, text, self._wall())
            self.refresh()

        self.wire.request(lambda number: SayChat(number, session, text), answered)

    def chat_seen(self, session: str) -> None:
        """Nothing of it is unread."""
        self.state.conversation(session).unread = 0
        self.banner.show_state(self.state)

    def _chat(self, session: str) -> ChatWindow:
        if session not in self.chats:
            chat = self.state.conversation(session)
            self.chats[session] = ChatWindow(session, chat.name, self._texts, self)
            self.chats[session].show_chat(chat)
        return self.chats[session]

    # -- receipts (`receipt_window.ReceiptListener`) ----------------------------------------------------------------------

    def receipt_wanted(self, session: str) -> None:
        """Show one."""

        def answered(said: Said) -> None:
            if isinstance(said, ReceiptReply):
                self.receipts.show_receipt(said.receipt)

        self.wire.request(lambda number: ReadReceipt(number, session), answered)

    def receipts_wanted(self) -> None:
        """Show the list."""

        def answered(said: Said) -> None:
            if isinstance(said, ReceiptsReply):
                self.receipts.show_rows(said.receipts)

        self.wire.request(ListReceipts, answered)

    def rated(self, session: str, stars: int, comment: str) -> None:
        """Keep it beside the receipt."""

        def answered(said: Said) -> None:
            if not isinstance(said, Failed):
                self.receipts.kept(session)

        self.wire.request(lambda number: RateSession(number, session, stars, comment), answered)
