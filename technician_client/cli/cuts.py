"""What a command does when the network cuts its session: it goes on with it, with a word about each attempt, and begins its work
again where it was."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from technician_client.cli.output import Output
from technician_client.errors import SessionLost
from technician_client.link import RelayClient
from technician_client.resuming import Waiting, patience_of, resumable, resume
from technician_client.sessions import Progress, Session, Stage

R = TypeVar("R")


async def over_cuts(
    output: Output,
    relay: RelayClient,
    session: Session,
    work: Callable[[Session], Awaitable[R]],
    *,
    because: str = "finished",
    ended: Callable[[Session], None] = lambda _session: None,
    events: bool = True,
) -> R:
    """Do `work` in a session, and again in the one that goes on when the network cuts it. Each is ended.

    Args:
        work: knows by itself how far it has come, and raises SessionLost (`Session.loss`) when its session ended under it.
        because: the reason that the device is told when the work is done.
        ended: called after each session, also the last.
        events: with `--json`, tell each cut in a line of its own.

    Raises:
        SessionLost: the session ended and does not go on. HandrailError: as `work` and `resume`.
    """
    while True:
        try:
            return await work(session)
        except SessionLost:
            await session.end()
            if not resumable(session):
                raise
        finally:
            await session.end(because)
            ended(session)
        session = await go_on(output, relay, session, events=events)


async def go_on(output: Output, relay: RelayClient, lost: Session, *, events: bool = True) -> Session:
    """Come back to a session that was cut, with a word about each attempt; raises as `resume`."""
    if output.as_json and events:
        output.json({"event": "reconnecting", "session": lost.session_id, "text": lost.end_text})
    output.progress(f"Reconnecting for at most {patience_of(lost) / 60:.0f} min, Ctrl-C gives up. {lost.end_text}")

    def tell(step: Progress) -> None:
        if step.stage is Stage.CONSENT:
            output.progress("It does not go on by itself: the person there is asked anew ...")

    def wait(waiting: Waiting) -> None:
        output.progress(f"{waiting.text} Next attempt in {waiting.retry_in:.0f} s.")

    return await resume(relay, lost, on_progress=tell, on_waiting=wait)
