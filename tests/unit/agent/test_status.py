"""The status board."""

from agent.status import RelayStatus, SessionStatus, StatusBoard, TrustStatus


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
