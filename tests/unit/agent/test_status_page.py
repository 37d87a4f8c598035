"""What the running agent does, in the person's language."""

import pytest

from agent.desktop.texts import Texts
from agent.status import AgentStatus, RelayStatus, SessionStatus, TrustStatus
from agent.status_page import page

SESSION = SessionStatus("s1", "Ana Ruiz", "Example Ltd", 2, ["view", "chat"], True, True, 940.0, 2000.0, waiting_until=1060.0)


def status(*sessions: SessionStatus, age: float | None = 90.0) -> AgentStatus:
    return AgentStatus(
        device="d1",
        label="Till 3\x1b[2J",
        organisation="Example Ltd",
        certificate_until=1_900_000_000.0,
        relay=RelayStatus("https://relay.example", "away", 0.0, "The relay is stopping; try again in a minute."),
        sessions=list(sessions),
        trust=TrustStatus(age, 3),
        attached=1,
    )


def test_for_people_who_read_english() -> None:
    assert list(page(status(SESSION), 1000.0, Texts("en"))) == [
        "Computer:      Till 3\\x1b[2J (d1) of Example Ltd",
        "Relay:         away: The relay is stopping; try again in a minute.",
        "Certificate:   valid until 2030-03-17 17:46 UTC",
        "Signed files:  1:30 old (mm:ss), 3 technicians",
        "Attended by:   1 program(s) that can ask the person here",
        "Session s1: Ana Ruiz (tier 2): view, chat, nobody was asked, PAUSED, CONNECTION LOST, waits 1:00 longer, for 1:00",
    ]


def test_for_people_who_read_german() -> None:
    lines = list(page(status(age=None), 1000.0, Texts("de")))
    assert lines[1].startswith("Relay:         nicht erreichbar: Das Relay Ihrer Organisation wird gerade beendet.")
    assert lines[3] == "Signiertes:    noch nichts erhalten, 3 im Support"
    assert lines[-1] == "Sitzungen:     keine; niemand ist mit diesem Computer verbunden"


@pytest.mark.parametrize(("age", "words"), [(59.0, "0:59 old (mm:ss)"), (3661.0, "1:01:01 old (h:mm:ss)")])
def test_the_age_says_what_it_counts(age: float, words: str) -> None:
    assert words in list(page(status(age=age), 1000.0, Texts("en")))[3]
