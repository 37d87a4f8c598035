"""Restarting this computer for the technician: asked for, written down, and then left to the system's own command."""

from typing import ClassVar

from agent.backends.power import restart
from agent.features.base import Feature, FeatureContext, Question
from protocol.errors import HandrailError, RefusalReason, Refused
from protocol.messages import Message
from protocol.messages.power import RebootRequest, RebootState
from protocol.printable import printable

ASK_SECONDS = 120.0


class PowerFeature(Feature):
    """One restart at a time."""

    handles: ClassVar = (RebootRequest,)

    def __init__(self, context: FeatureContext) -> None:
        super().__init__(context)
        self._busy = False

    async def handle(self, message: Message) -> None:
        """See `Feature.handle`. The person is asked beside it, so that Stop and everything else goes on working meanwhile."""
        assert isinstance(message, RebootRequest)
        if self._busy:
            raise Refused("A restart has been asked for already.", reason=RefusalReason.BUSY)
        self._busy = True
        _ = self.context.spawn(self._restart(message), "restart")

    async def _restart(self, message: RebootRequest) -> None:
        try:
            if not self.context.unattended:
                self.context.send(RebootState(message.request, "asking"))
                if not await self.context.ask_user(_question(message.reason, self.context.comes_back)):
                    raise Refused("The person there did not agree to a restart.", reason=RefusalReason.DENIED_BY_USER)
            self.context.audit("restart ordered", {"reason": message.reason})
            await restart()
            self.context.send(RebootState(message.request, "restarting", self.context.comes_back))
        except Refused as error:
            self.context.refuse(message, error.reason, str(error))
        except HandrailError as error:
            self.context.refuse(message, RefusalReason.UNSUPPORTED, str(error))
        finally:
            self._busy = False


def _question(reason: str, back: float) -> Question:
    details = [f"Their reason: {printable(reason)}"] if reason else []
    if back:
        details.append(f"They may come back without a new question within {back / 60:.0f} minutes after the restart.")
    return Question(
        "Restart this computer?",
        "It restarts at once. Save what you are working on before you say yes: what is not saved is lost.",
        tuple(details),
        ASK_SECONDS,
        words="restart",
    )
