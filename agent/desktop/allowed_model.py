"""What may be done on this computer, in words: no Qt here."""

from dataclasses import dataclass

from agent.allowed import AllowedHere, ApprovedFix
from agent.desktop.texts import Texts
from protocol.capabilities import Capability
from protocol.printable import printable

NAMES_SHOWN = 12
MINUTE, HOUR, DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Section:
    """One heading, sentences below it, and a list (`points`) between the first sentence and the others."""

    heading: str
    first: str
    points: tuple[str, ...] = ()
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """The whole page."""

    about: str
    age: str
    sections: tuple[Section, ...]


def rules_of(allowed: AllowedHere, texts: Texts) -> Rules:
    """The words."""
    organisation = printable(allowed.organisation)
    if allowed.age is None:
        return Rules(texts("allowed.unknown", organisation=organisation), "", ())
    about = texts("allowed.rules", organisation=organisation, group=allowed.group)
    sections = (_who(allowed, texts), _asked(allowed, texts), _unattended(allowed, texts), _recorded(allowed, texts))
    return Rules(about, texts("allowed.age", age=_age(allowed.age, texts)), (*sections, _fixes(allowed, texts)))


def _age(seconds: float, texts: Texts) -> str:
    if seconds >= 2 * DAY:
        return texts("allowed.days", count=int(seconds // DAY))
    if seconds >= 2 * HOUR:
        return texts("allowed.hours", count=int(seconds // HOUR))
    return texts("allowed.minutes", count=int(seconds // MINUTE))


def _who(allowed: AllowedHere, texts: Texts) -> Section:
    heading = texts("allowed.who")
    if not allowed.technicians:
        return Section(heading, texts("allowed.who_none"))
    shown = allowed.technicians[:NAMES_SHOWN]
    points = [texts("allowed.who_row", name=printable(one.name), tier=one.tier) for one in shown]
    if allowed.listed > len(shown):
        points.append(texts("allowed.who_more", count=allowed.listed - len(shown)))
    first = texts("allowed.who_one") if allowed.listed == 1 else texts("allowed.who_many", count=allowed.listed)
    return Section(heading, first, tuple(points))


def _may(capabilities: list[Capability], texts: Texts) -> tuple[str, ...]:
    return tuple(texts.may(one) for one in capabilities)


def _asked(allowed: AllowedHere, texts: Texts) -> Section:
    heading = texts("allowed.asked")
    if not allowed.on_request:
        return Section(heading, texts("allowed.asked_nothing"))
    lasts = texts("allowed.asked_seconds", time=_age(allowed.grant_seconds, texts))
    return Section(heading, texts("allowed.asked_all"), _may(allowed.on_request, texts), (lasts,))


def _unattended(allowed: AllowedHere, texts: Texts) -> Section:
    heading = texts("allowed.unattended")
    if not allowed.unattended:
        return Section(heading, texts("allowed.unattended_nothing"))
    more = [texts("allowed.unattended_present")] if allowed.ask_when_present else []
    more.append(texts("allowed.unattended_shown"))
    return Section(heading, texts("allowed.unattended_some"), _may(allowed.unattended, texts), tuple(more))


def _recorded(allowed: AllowedHere, texts: Texts) -> Section:
    more = [texts(f"records.{allowed.recording}")]
    if allowed.keep_transcripts:
        more.append(texts("allowed.transcripts"))
    if allowed.hidden_windows:
        more.append(texts("allowed.hidden"))
    if allowed.files_folders:
        more.append(texts("allowed.folders", folders=", ".join(printable(one) for one in allowed.files_folders)))
    return Section(texts("allowed.recorded"), texts("allowed.recorded_always"), (), tuple(more))


def _fixes(allowed: AllowedHere, texts: Texts) -> Section:
    heading = texts("allowed.fixes")
    if not allowed.fixes_on:
        return Section(heading, texts("allowed.fixes_off"))
    if not allowed.fixes:
        return Section(heading, texts("allowed.fixes_none"))
    return Section(heading, "", tuple(_fix(one, texts) for one in allowed.fixes))


def _fix(fix: ApprovedFix, texts: Texts) -> str:
    words = texts(f"asks.{fix.asks}", title=printable(fix.title))
    return texts("allowed.as_root", words=words) if fix.as_root else words
