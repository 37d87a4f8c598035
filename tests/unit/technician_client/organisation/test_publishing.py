"""Publishing: everything goes up once, the timestamp last, and again when the relay has lost it."""

import shutil
from datetime import datetime
from pathlib import Path

import pytest

from hostio.relay_http import RelayHttp
from protocol.errors import Refused, Unavailable
from technician_client.organisation.approvals import starter_fixes, withdraw
from technician_client.organisation.mirroring import refresh_published
from technician_client.organisation.publishing import SignerLock, Standing, fingerprint_of
from technician_client.settings import Settings
from tests.kit.founded import Founded
from tests.kit.http_relay import http_relay


def test_the_timestamp_goes_last_and_only_news_go_again(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    publisher = founded.publisher()
    publisher.prepare(founded.wall)
    with http_relay() as relay:
        http = RelayHttp(relay.url, "")
        assert publisher.behind(http)
        first = publisher.upload(http, "upload")
        assert first == len(relay.files) and relay.uploads[-1] == "metadata/timestamp.json"
        assert not publisher.behind(http)
        publisher.prepare(founded.after(hours=13))
        assert publisher.behind(http)
        assert publisher.upload(http, "upload") == 1
        relay.files.clear()
        assert publisher.behind(http)
        assert publisher.upload(http, "upload") == first


def test_an_interrupted_upload_goes_on_where_it_stopped(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    publisher = founded.publisher()
    publisher.prepare(founded.wall)
    stuck = [path for path, _ in founded.repository.files()][3]
    with http_relay() as relay:
        http = RelayHttp(relay.url, "")
        relay.statuses[f"/tuf/{founded.record.organisation}/{stuck}"] = 507
        with pytest.raises(Unavailable, match="Come back later"):
            publisher.upload(http, "upload")
        assert "metadata/timestamp.json" not in relay.files
        relay.statuses.clear()
        publisher.upload(http, "upload")
        assert len(relay.uploads) == len(set(relay.uploads)) == len(relay.files)


def test_a_relay_that_got_an_older_database_back_gets_everything_again(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    publisher = founded.publisher()
    publisher.prepare(founded.wall)
    with http_relay() as relay:
        http = RelayHttp(relay.url, "")
        publisher.upload(http, "upload")
        backup = dict(relay.files)
        founded.approve(*starter_fixes())
        publisher.prepare(founded.after(hours=1))
        assert publisher.behind(http)
        publisher.upload(http, "upload")
        relay.files = backup
        assert publisher.behind(http)
        publisher.upload(http, "upload")
        assert relay.files.items() >= dict(founded.repository.files()).items()


def test_a_fix_that_comes_back_is_uploaded_again(tmp_path: Path) -> None:
    """The relay has dropped its files meanwhile."""
    founded = Founded(tmp_path)
    publisher = founded.publisher()
    fixes = starter_fixes()
    with http_relay() as relay:
        http = RelayHttp(relay.url, "")

        def publish(hours: float) -> None:
            publisher.prepare(founded.after(hours=hours))
            assert publisher.behind(http)
            publisher.upload(http, "upload")

        founded.approve(*fixes)
        publish(0)
        withdraw(founded.spool, fixes[0].manifest.id, founded.signers("scripts"), founded.after(hours=1))
        publish(1)
        now = dict(founded.repository.files())
        relay.files = {path: body for path, body in relay.files.items() if path in now}
        founded.approve(*fixes, wall=founded.after(hours=2))
        publish(2)
        assert relay.files.items() >= dict(founded.repository.files()).items()


def test_what_another_signer_left_goes_on_though_it_has_expired(tmp_path: Path) -> None:
    with http_relay() as relay:
        founded = Founded(tmp_path, relay=relay.url)
        publisher, http = founded.publisher(), RelayHttp(relay.url, "")
        publisher.prepare(founded.wall)
        shutil.copytree(founded.home.base, tmp_path / "backup")
        founded.approve(*starter_fixes())
        publisher.prepare(founded.after(hours=1))
        publisher.upload(http, "upload")
        newest = dict(founded.repository.files())
        shutil.rmtree(founded.home.base)
        shutil.move(tmp_path / "backup", founded.home.base)
        restored = founded.publisher()
        late = founded.after(hours=50)  # the timestamp lives for a day
        assert restored.compare(http) is Standing.OVERTAKEN

        def fetch(as_of: datetime) -> None:
            refresh_published(founded.home, Settings(tmp_path), as_of)

        assert restored.take_over(fetch, http, late) == ()
        assert restored.compare(http) is Standing.SAME
        assert dict(founded.repository.files()) == newest
        restored.prepare(late)
        assert restored.compare(http) is Standing.BEHIND
        relay.files["metadata/timestamp.json"] = b"{}"
        assert restored.compare(http) is Standing.BEHIND
        relay.files["metadata/timestamp.json"] = b"\xff"
        assert restored.take_over(fetch, http, late) == ()


def test_a_used_ticket_is_told_apart(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    publisher = founded.publisher()
    publisher.prepare(founded.wall)
    with http_relay() as relay, pytest.raises(Refused):
        publisher.upload(RelayHttp(relay.url, ""), "wrong")


def test_what_is_damaged_in_the_spool_is_told_and_left(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    founded.publish()
    (founded.home.spool / "metadata" / "policy.json").write_bytes(b"not json")
    prepared = founded.publish()
    assert prepared.published == () and "refused" in prepared.waiting[0].text


def test_nothing_to_upload_before_anything_is_signed(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    with http_relay() as relay:
        assert not founded.publisher().behind(RelayHttp(relay.url, ""))


def test_a_second_signer_is_kept_out_until_the_first_is_gone(tmp_path: Path) -> None:
    lock = SignerLock(tmp_path / "running.lock")
    with pytest.raises(Unavailable, match="Another signer"):
        SignerLock(tmp_path / "running.lock")
    lock.release()
    SignerLock(tmp_path / "running.lock").release()


def test_a_changed_spool_is_noticed(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    before = fingerprint_of(founded.home.spool)
    assert len(before) == 6 and fingerprint_of(tmp_path / "none") == ()
    founded.publish()
    assert fingerprint_of(founded.home.spool) != before
