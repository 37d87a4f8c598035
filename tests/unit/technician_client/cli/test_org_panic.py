"""`handrail org panic`: the kill switch, with a real agent's signed files at the other end."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import click
import pytest

from agent.policy import technician_of
from protocol.certificates import Role, check_chain
from technician_client.cli.org_panic import parse_moment
from technician_client.organisation import lists
from tests.kit.founded import Applicant, Founded
from tests.kit.org_commands import command_line, passphrase_option

WALL = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)


def test_moments_are_read() -> None:
    assert parse_moment("now", WALL) == WALL
    for text in ("2026-11-21T20:00Z", "2026-11-21 20:00", "2026-11-21T21:00+01:00"):
        assert parse_moment(text, datetime.now(UTC)) == WALL
    with pytest.raises(click.UsageError):
        parse_moment("yesterday", WALL)


def test_every_certificate_of_before_is_refused_and_renewed_ones_count(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    founded.publish()
    option = passphrase_option(tmp_path)
    bo = Applicant(founded.technician_bundle())
    before = bo.enrol(founded.issuer(), founded.wall - timedelta(minutes=10))
    founded.admit("Bo Li", 2, bo.key)
    with mock.patch("click.confirm", return_value=False) as asked:
        ran = command_line(tmp_path, "org", "panic", "--not-before", "now", *option)
        assert ran.code == 0 and "Nothing was changed" in ran.out and "It hits 1 that still hold: Bo Li" in ran.err
        assert asked.call_count == 1
    assert lists.revocation(founded.spool).not_before == 0
    done = command_line(tmp_path, "org", "panic", "--not-before", "now", "--yes", "--json", *option)
    assert done.code == 0 and done.json["hit"] == 1 and done.json["missing_signatures"] == 0
    founded.publish()
    trust = founded.trust(tmp_path / "agent")
    trust.refresh_blocking(founded.after(minutes=1))

    def revoked(chain: list[bytes], wall: datetime) -> bool:
        root = founded.record.root
        identity = check_chain(chain, root_der=root, expected=Role.TECHNICIAN, purpose="session", wall=wall)
        return technician_of(identity, trust.technicians(), trust.revocation()).revoked

    assert revoked(before.chain, founded.wall)
    after = Applicant(founded.technician_bundle("Cy", 1)).enrol(founded.issuer(), datetime.now(UTC) + timedelta(seconds=5))
    assert not revoked(after.chain, datetime.now(UTC) + timedelta(seconds=5))
    again = command_line(tmp_path, "org", "panic", "--not-before", "2020-01-01", "--yes", *option)
    assert again.code == 7 and "never taken back" in again.err
    ahead = command_line(tmp_path, "org", "panic", "--not-before", "2100-01-01", "--yes", *option)
    assert ahead.code == 7 and "has not come yet" in ahead.err
    assert "issued before" in command_line(tmp_path, "org", "show").out
