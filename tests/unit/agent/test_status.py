"""The status board."""

from agent.receipts import ReceiptEvent
from agent.status import MOST_EVENTS, RelayStatus, SessionEvent, SessionStatus, StatusBoard, TrustStatus


def board() -> StatusBoard:
    relay = RelayStatus("https://relay.example", "connecting", 0.0, "Dialling.")
    return StatusBoard(device="d1", label="Till 3", organisation="Example Ltd", certificate_until=5.0, relay=relay)


def session(paused: bool = False) -> SessionStatus:
    return SessionStatus("s1", "Ana Ruiz", "Example Ltd", 2, ["chat"], False, paused, 1.0, 2.0)


def test_a_snapshot_has_everything() -> None:
    one = board()
    one.set_trust(TrustStatus(60.0, 3, ""))
    one.set_audit("disk full")
    one.set_certificate("ran out", 7.0)
    one.attached = 2
    one.set_session(session())
    found = one.snapshot()
    assert (found.label, found.trust.technicians, found.audit, found.attached) == ("Till 3", 3, "disk full", 2)
    assert (found.certificate, found.certificate_until) == ("ran out", 7.0)
    assert found.sessions == [session()]


def test_listeners_hear_of_relay_and_sessions() -> None:
    one = board()
    heard: list[object] = []
    one.listen(heard.append)
    away = RelayStatus("https://relay.example", "away", 1.0, "It is gone.", 2.0)
    one.set_relay(away)
    one.set_session(session())
    one.set_session(session(paused=True))
    one.drop_session("s1")
    one.drop_session("s1")
    assert heard == [away, session(), session(paused=True)]
    assert one.sessions == []
    assert one.relay == away
    assert one.trust == TrustStatus()


def test_what_happens_in_an_open_session_is_told_and_the_last_of_it_kept() -> None:
    one = board()
    heard: list[object] = []
    one.listen(heard.append)
    one.note("s1", ReceiptEvent(0.0, "session opened"))
    assert heard == [] and one.events("s1") == []
    one.set_session(session())
    events = [ReceiptEvent(float(at), "clipboard read") for at in range(MOST_EVENTS + 3)]
    for event in events:
        one.note("s1", event)
    assert heard[1:] == [SessionEvent("s1", event) for event in events]
    assert one.events("s1") == events[3:]
    one.drop_session("s1")
    assert one.events("s1") == []
