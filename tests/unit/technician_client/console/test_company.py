"""What a reloaded tab is told of the other technicians."""

from protocol.capabilities import Capability
from protocol.messages.chat import ChatMessage
from protocol.messages.colleagues import ColleaguesState, ControlAsked, InviteNotes, People, Person
from technician_client.console.company import Company

ANA, BEN = Person(1, "Ana Ruiz", 1, [Capability.VIEW, Capability.CONTROL], True), Person(2, "Ben Ruiz", 2, [Capability.VIEW])


def heard(*messages: object) -> Company:
    company = Company()
    for message in messages:
        company.hear(message, 100.0)  # type: ignore[arg-type]
    return company


def test_nothing_is_known_at_first() -> None:
    expected = {"people": [], "called": 0, "called_peer": "", "called_stage": "", "called_for": None, "asking": [], "notes": None}
    assert heard(ChatMessage("x")).state(100.0) == expected


def test_who_is_here_and_who_is_called() -> None:
    company = heard(People([ANA, BEN], 2), ColleaguesState(3, "called", "", 600.0))
    state = company.state(160.0)
    assert [one["name"] for one in state["people"]] == ["Ana Ruiz", "Ben Ruiz"]
    ana = {"number": 1, "name": "Ana Ruiz", "tier": 1, "granted": ["control", "view"], "you": True, "lost_at": 0.0}
    assert state["people"][0] == ana
    assert (state["called"], state["called_for"]) == (2, 540.0)
    company.hear(ColleaguesState(3, "came", "Ben Ruiz"), 170.0)
    assert company.state(170.0)["called_for"] is None
    company.lost()
    assert company.state(170.0)["people"] == []


def test_the_one_who_is_called_by_name_is_known_until_the_call_is_over() -> None:
    company = heard()
    company.invited("q7w3")
    assert company.state(0.0)["called_peer"] == ""  # the person there has not said yes
    company.hear(People([ANA], 3), 0.0)
    assert company.state(0.0)["called_peer"] == "q7w3"
    company.hear(People([ANA]), 0.0)
    assert company.state(0.0)["called_peer"] == ""


def test_who_asks_for_control_until_it_is_answered() -> None:
    company = heard(People([ANA, BEN]), ControlAsked(2, "Ben Ruiz"))
    assert company.state(0.0)["asking"] == [{"number": 2, "name": "Ben Ruiz"}]
    company.kept(2)
    assert company.state(0.0)["asking"] == []
    for ending in (ControlAsked(2, "Ben Ruiz", False), People([ANA]), ColleaguesState(1, "handed_over", "Ben Ruiz")):
        company.hear(ControlAsked(2, "Ben Ruiz"), 0.0)
        company.hear(ending, 0.0)
        assert company.state(0.0)["asking"] == []


def test_the_notes_stay() -> None:
    company = heard(InviteNotes("Ana Ruiz", 1, "the spooler", 5.0))
    company.lost()
    notes = {"name": "Ana Ruiz", "tier": 1, "note": "the spooler", "called_at": 5.0, "enough": True}
    assert company.state(0.0)["notes"] == notes


def test_how_far_one_who_is_called_by_name_has_come() -> None:
    company = heard(People([ANA], 3), ColleaguesState(3, "called", "", 180.0))
    assert company.state(100.0)["called_stage"] == ""
    company.hear(ColleaguesState(3, "told", "Ben Ruiz"), 110.0)
    assert (company.state(110.0)["called_stage"], company.state(110.0)["called_for"]) == ("told", 170.0)
    company.hear(ColleaguesState(3, "joining", "Ben Ruiz", 240.0), 120.0)
    assert (company.state(120.0)["called_stage"], company.state(120.0)["called_for"]) == ("joining", 240.0)
    for ending in ("declined", "no_answer"):
        company.hear(ColleaguesState(3, "told", "Ben Ruiz"), 130.0)
        company.hear(ColleaguesState(3, ending, "Ben Ruiz declined."), 140.0)  # type: ignore[arg-type]
        assert (company.state(140.0)["called_stage"], company.state(140.0)["called_for"]) == ("", None)
