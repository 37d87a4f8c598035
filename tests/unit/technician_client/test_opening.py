"""The steps of opening are values; what a session needs of a relay is what `RelayClient` has."""

from pathlib import Path

from technician_client.link import RelayClient
from technician_client.opening import Progress, Relay, Stage
from technician_client.settings import Settings
from tests.kit.organisation import Organisation
from tests.kit.switchboard import keys_of


def test_steps_are_named_and_begin_with_nothing_known() -> None:
    assert [stage.value for stage in Stage] == ["asking", "tunnel", "connected", "consent", "open"]
    assert Progress(Stage.ASKING) == Progress(Stage.ASKING, "", "", "", 0.0, False, False, "")


async def test_a_relay_client_is_such_a_relay_and_keys_without_a_bundle_know_of_no_revocations(tmp_path: Path) -> None:
    organisation = Organisation()
    keys = keys_of(organisation, organisation.technician(), "https://127.0.0.1:9")
    relay: Relay = RelayClient(keys, Settings(tmp_path))
    assert relay.revocations is None and relay.identity.timestamp_version == 0
