"""Controls of what a technician may do at an agent, and how each is taken away."""

from typing import Any

from tests.kit.controls import Patch, control


@control("every message is refused unless its capability is granted at that moment")
def capability_check(patch: Patch) -> None:
    """Session machine, policy and features let everything through."""
    import agent.opening
    from agent.policy import ALLOWED
    from agent.session_view import SessionView
    from protocol.agent_session import AgentSession
    from protocol.messages import Lane, Message
    from protocol.session_core import MessageReceived

    def let_through(self: AgentSession, message: Message, lane: Lane, size: int, now: float) -> None:
        self._emit(MessageReceived(message), lane, size)

    patch(AgentSession, "_receive_feature", let_through)
    patch(agent.opening, "decide", lambda capability, circumstances: ALLOWED)
    patch(SessionView, "granted", lambda self, capability: True)
    patch(SessionView, "admits", lambda self, message: True)


@control("the tier that each capability takes")
def tiers(patch: Patch) -> None:
    """Everybody may do everything."""
    import agent.policy

    patch(agent.policy, "CHECKS", tuple(check for check in agent.policy.CHECKS if check is not agent.policy._tier))


@control("a person is asked, and only what they allow is granted")
def consent(patch: Patch) -> None:
    """Whoever asks gets it."""
    from agent.consent import Answer, ConsentBroker, Outcome
    from protocol.capabilities import Capability

    async def yes(self: ConsentBroker, question: Any, on_wait: Any = None) -> Answer:
        return Answer(Outcome.ANSWERED, frozenset(Capability), True)

    patch(ConsentBroker, "ask", yes)
    patch(ConsentBroker, "attached", property(lambda self: 1))


@control("the organisation's signed list of technicians")
def technicians_list(patch: Patch) -> None:
    """A certificate is enough."""
    import agent.opening
    import agent.policy
    from protocol.documents import TechnicianEntry

    plain = agent.policy.technician_of

    def believe(identity: Any, listed: Any, revocation: Any) -> Any:
        import dataclasses

        known = plain(identity, listed, revocation)
        entry = TechnicianEntry(name=known.name, tier=known.certified_tier, key=identity.fingerprint.hex(), peer=identity.peer)
        return dataclasses.replace(known, entry=entry)

    patch(agent.opening, "technician_of", believe)


@control("revoked keys and certificates from before `not_before` are refused")
def revocation(patch: Patch) -> None:
    """Nobody is ever revoked."""
    from protocol.documents import RevocationList

    patch(RevocationList, "refuses", lambda self, fingerprint, issued: False)


@control("nothing is injected while one of our questions stands on the screen")
def question_holds_input(patch: Patch) -> None:
    """A question changes nothing."""
    import agent.session_view
    from agent.holds import Holds

    patch(Holds, "_question_changed", lambda self, is_open: None)
    patch(agent.session_view, "ACTS_ON_THE_DESKTOP", frozenset())
    import agent.policy

    patch(agent.policy, "CHECKS", tuple(check for check in agent.policy.CHECKS if check is not agent.policy._question))


@control("parameters of scripts are typed and matched as a whole")
def typed_parameters(patch: Patch) -> None:
    """Any value for any parameter."""
    import protocol.manifests

    patch(protocol.manifests, "check_value", lambda parameter, value: str(value))


@control("an order to run a fix carries the digest of what the technician looked at")
def shown_fix(patch: Patch) -> None:
    """Whatever is approved by that name is run."""
    import agent.features.fixes

    patch(agent.features.fixes, "check_shown", lambda script, digest: None)


@control("a value stays one element of argv, which no shell reads")
def argument_list(patch: Patch) -> None:
    """Commands are put together as a line for a shell."""
    import agent.fixes.run

    plain = agent.fixes.run.render_argv

    def line(step: Any, values: Any, file_path: Any) -> list[str]:
        return ["/bin/sh", "-c", " ".join(plain(step, values, file_path))]

    patch(agent.fixes.run, "render_argv", line)


@control("the codes of an organisation lead its own technicians only")
def code_scope(patch: Patch) -> None:
    """A code leads whoever has it, wherever its device is."""
    from relay.codes import CodeBook
    from relay.links import LinkHub

    def anywhere(self: LinkHub, organisation: str, peer: str) -> Any:
        return next((link for link in self.all() if link.peer == peer), None)

    patch(LinkHub, "device", anywhere)
    plain = CodeBook.look

    def anybody(self: CodeBook, organisation: str, technician: str, digits: str, now: float) -> Any:
        for (owner, code), _ in list(self._by_code.items()):
            if code == digits:
                return plain(self, owner, technician, digits, now)
        return plain(self, organisation, technician, digits, now)

    patch(CodeBook, "look", anybody)


@control("five wrong codes lock a technician out, fifty an organisation")
def code_limits(patch: Patch) -> None:
    """Guess on."""
    from relay.ratelimit import SlidingWindow

    patch(SlidingWindow, "retry_after", lambda self, key, now: 0.0)


@control("a code is good once")
def code_once(patch: Patch) -> None:
    """It leads there again."""
    from relay.codes import CodeBook

    patch(CodeBook, "consume", lambda self, code: None)


@control("a banner that says who is connected as long as a session lasts")
def banner(patch: Patch) -> None:
    """Nothing shows."""
    from agent.desktop.banner import Banner

    patch(Banner, "show_state", lambda self, state: None)


@control("an attended session stands still and ends when nothing shows it to the person any more")
def presence(patch: Patch) -> None:
    """It goes on."""
    from agent.presence import Presence

    patch(Presence, "begin", lambda self, seconds=0.0: None)


@control("a program that shows a session and is stopped, not dead, counts as gone")
def attention(patch: Patch) -> None:
    """Whatever holds its connection open is there."""
    from agent.attention import Pulse

    patch(Pulse, "lost", lambda self, now: False)


@control("names, chat and notes of other technicians go only to whom the person here has allowed that")
def colleagues_consent(patch: Patch) -> None:
    """Everybody who has a session is told everything."""
    from agent.session_view import SessionView
    from protocol.capabilities import Capability

    patch(SessionView, "holding", property(lambda self: self._machine.granted | {Capability.COLLEAGUES, Capability.CHAT}))


@control("mouse and keyboard belong to one technician at a time")
def one_control(patch: Patch) -> None:
    """Whoever is granted them has them too."""
    import agent.policy

    patch(agent.policy, "CHECKS", tuple(check for check in agent.policy.CHECKS if check is not agent.policy._busy))


@control("the person is asked before mouse and keyboard change hands, and before anybody is called")
def colleagues_asked(patch: Patch) -> None:
    """The technicians agree among themselves."""
    from agent.members import Asking

    async def agreed(self: Asking, member: Any, question: Any, request: int) -> None:
        return None

    patch(Asking, "agreed", agreed)


@control("the relay reads a fixed sentence and a tier when a technician is called")
def call_is_silent(patch: Patch) -> None:
    """It reads the note as well."""
    import agent.front_desk
    from agent.calling import Calling

    plain = Calling.invite

    async def told(self: Calling, member: Any, message: Any) -> None:
        patch(agent.front_desk, "CALLED", f"{member.name}: {message.note}")
        await plain(self, member, message)

    patch(Calling, "invite", told)
