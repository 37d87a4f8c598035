"""Enrolment as every peer does it: a bundle that is read, and a document that goes to the signer through the relay.

What comes back is unverified: whoever asked judges it (`protocol.enrolment`, `protocol.approvals`). Blocking: worker threads.
"""

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, TypeVar

import msgspec

from hostio.errors import RelayUnreachable
from hostio.named_files import read_named
from hostio.relay_http import RelayHttp
from protocol.documents import MAX_ANSWER_BYTES, MAX_BUNDLE_BYTES, Bundle, decode_bundle
from protocol.enrolment import check_clock
from protocol.errors import RefusalReason, Refused, Unavailable
from protocol.relay_address import EnrolmentState, EnrolmentTaken, HttpAnswer

WAIT_SECONDS: Final = 180.0
_POLL_SECONDS: Final = (0.2, 2.0)
Kind = Literal["device", "technician", "renewal", "approval"]
T = TypeVar("T")


def read_bundle(path: Path) -> Bundle:
    """Read a bundle file.

    Raises:
        TrustError: not a bundle. UnreadableFile: it cannot be read. The text says what to do.
    """
    return decode_bundle(read_named(path, MAX_BUNDLE_BYTES, "Give the path of the .handrail file."))


def exchange(
    http: RelayHttp,
    organisation: str,
    kind: Kind,
    token_id: str,
    request: bytes,
    wall: Callable[[], datetime],
    wait_seconds: float,
    on_progress: Callable[[str], None],
) -> bytes:
    """Hand a request to the relay and wait for the signer's answer (unjudged).

    Raises:
        Refused: the relay does not know the organisation.
        Unavailable: the relay is away, or nobody answered in time.
        TrustError: the relay is not the pinned one, or a clock is off.
    """
    document = {"organisation": organisation, "token_id": token_id, "kind": kind, "request": request}
    posted = http.post_json("/api/v1/enrolments", document)
    check_clock(posted.clock(), wall(), f"the relay {http.url}")
    if posted.status == 404:
        raise Refused(f"{http.url}: {posted.problem()}", reason=RefusalReason.NOT_FOUND)
    if posted.status != 202:
        raise RelayUnreachable(f"{http.url} did not take the request: {posted.problem()}")
    taken = _decode(posted, EnrolmentTaken)
    until = time.monotonic() + wait_seconds
    pause, longest = _POLL_SECONDS
    told = False
    while True:
        polled = http.request(
            "GET", f"/api/v1/enrolments/{taken.enrolment}", bearer=taken.poll_token, max_bytes=2 * MAX_ANSWER_BYTES
        )
        if polled.status != 200:
            raise RelayUnreachable(f"{http.url} lost the request: {polled.problem()}")
        state = _decode(polled, EnrolmentState)
        if state.status == "answered":
            return state.answer
        if time.monotonic() + pause > until:
            raise Unavailable(
                "The organisation's signer has not answered. It must be running (handrail signer) for this. Then try again: it "
                "goes on where it stopped.",
                retry_after=60.0,
            )
        if pause >= 1.0 and not told:
            on_progress("Waiting for the organisation's signer ...")
            told = True
        time.sleep(pause)
        pause = min(longest, pause * 1.5)


def _decode(answer: HttpAnswer, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (ValueError, RecursionError) as error:
        raise RelayUnreachable(
            "The relay's answer cannot be read: it is no Handrail relay, or one of another version."
        ) from error
