"""Approvals that travel: two key holders on computers of their own, a real relay and the running signer between them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.trust import TrustStore
from hostio.relay_http import RelayHttp
from hostio.signed_repository import RelayMirror
from technician_client.organisation.record import OrganisationHome
from tests.kit.approvers import Approvers, write_fix
from tests.kit.relays import relay_process
from tests.kit.waiting import eventually


@pytest.fixture
def people(tmp_path: Path) -> Iterator[Approvers]:
    with relay_process(tmp_path) as relay:
        people = Approvers(tmp_path, relay.url, relay.token, relay.spki)
        try:
            people.start_signer()
            yield people
        finally:
            people.stop()


def test_a_fix_is_approved_by_two_people_who_share_nothing_but_the_relay(people: Approvers, tmp_path: Path) -> None:
    record = OrganisationHome(tmp_path / "admin" / "organisation").load()
    mirror = RelayMirror(RelayHttp(record.relay, record.relay_spki), record.organisation)
    trust = TrustStore(tmp_path / "agent", record.tuf_root, mirror)

    source = write_fix(tmp_path / "fix")
    said = people.org("bo", "approve", str(source), "--yes")
    assert "+echo done" in said and "Mailed. 1 more signature(s) are needed" in said
    trust.refresh_blocking(datetime.now(UTC))
    assert trust.script("harmless") is None

    said = people.org("cy", "approvals")
    assert "version 2 waits for 1 more signature(s). Signed by Bo Li" in said and "+echo done" in said
    # The author sees it, too, and cannot be both approvers.
    assert "signed this already" in people.org("bo", "countersign", "scripts", "--key", "scripts-1", "--yes", code=7)
    said = people.org("cy", "countersign", "scripts", "--key", "scripts-2", "--yes")
    assert "Signed so far by Bo Li" in said and "+echo done" in said and "the signer publishes it now" in said

    def arrived() -> bool:
        trust.refresh_blocking(datetime.now(UTC))
        return trust.script("harmless") is not None

    eventually(arrived, "the fix arrives at an agent")
    assert "Your decision about scripts was published" in people.org("bo", "approvals")

    # A change is shown against what is published now; whoever signed it takes it back, and it does not come back by itself.
    people.org("bo", "approve", str(write_fix(source, version="2", text="echo better\n")), "--yes")
    said = people.org("cy", "approvals")
    assert "-echo done" in said and "+echo better" in said
    people.org("cy", "approvals", "--withdraw", "scripts", code=5)
    assert "was withdrawn" in people.org("bo", "approvals", "--withdraw", "scripts")
    said = people.org("cy", "approvals")
    assert "version 3 was withdrawn (Bo Li)" in said and "scripts: nothing waits" in said
    assert "was withdrawn" in people.org("cy", "countersign", "scripts", "--key", "scripts-2", "--yes", code=6)
