"""The relay as a mirror of signed files, and what its library says in words of ours."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tuf.api.exceptions import DownloadError, ExpiredMetadataError, RepositoryError

from hostio.errors import RelayUnreachable
from hostio.relay_http import RelayHttp
from hostio.signed_repository import Mirror, RelayMirror, fetch_target, in_our_words, make_updater
from protocol.documents import POLICY_PATH, OrganisationPolicy, decode_document
from protocol.errors import HandrailError, TrustError, Unavailable
from tests.kit.founded import Founded
from tests.kit.http_relay import http_relay


@pytest.fixture
def founded(tmp_path: Path) -> Founded:
    organisation = Founded(tmp_path)
    organisation.publish()
    return organisation


def places(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("metadata", "objects"):
        (tmp_path / name).mkdir()
    return tmp_path / "metadata", tmp_path / "objects"


def test_the_relay_tells_missing_from_away() -> None:
    with http_relay() as relay:
        relay.files["metadata/timestamp.json"] = b"x"
        mirror: Mirror = RelayMirror(RelayHttp(relay.url, ""), "abc")
        assert mirror.read("metadata/timestamp.json", 100) == b"x"
        assert relay.requests[-1][:2] == ("GET", "/tuf/abc/metadata/timestamp.json")
        with pytest.raises(FileNotFoundError):
            mirror.read("metadata/9.root.json", 100)
        relay.statuses["/tuf/abc/metadata/timestamp.json"] = 503
        with pytest.raises(RelayUnreachable, match="Come back later"):
            mirror.read("metadata/timestamp.json", 100)


def test_what_was_signed_arrives_verified_and_is_kept_under_its_hash(founded: Founded, tmp_path: Path) -> None:
    metadata, objects = places(tmp_path)
    mirror = founded.mirror()
    updater = make_updater(metadata, objects, founded.record.tuf_root, mirror, founded.wall.timestamp())
    updater.refresh()
    data = fetch_target(updater, objects, POLICY_PATH)
    assert data is not None and decode_document(data, OrganisationPolicy)
    (kept,) = objects.iterdir()
    assert len(kept.name) == 64 and kept.read_bytes() == data
    mirror.asked.clear()
    assert fetch_target(updater, objects, POLICY_PATH) == data and mirror.asked == []
    assert fetch_target(updater, objects, "policy/other.json") is None


def test_it_is_judged_by_the_clock_that_is_given(founded: Founded, tmp_path: Path) -> None:
    metadata, objects = places(tmp_path)
    late = founded.after(days=3).timestamp()
    updater = make_updater(metadata, objects, founded.record.tuf_root, founded.mirror(), late)
    with pytest.raises(TrustError, match=f"{founded.after(days=3):%Y-%m-%d}.*clock is wrong, or the clock was changed"):
        in_our_words(updater.refresh, late, late, "the clock was changed")


def test_a_hash_that_is_none_names_no_file(founded: Founded, tmp_path: Path) -> None:
    metadata, objects = places(tmp_path)
    updater = make_updater(metadata, objects, founded.record.tuf_root, founded.mirror(), founded.wall.timestamp())
    updater.refresh()
    info = updater.get_targetinfo(POLICY_PATH)
    assert info is not None
    for wrong in ({}, {"sha256": "../" * 21 + "x"}, {"sha256": "ab"}):
        info.hashes = wrong
        with pytest.raises(RepositoryError, match="no SHA-256"):
            fetch_target(updater, objects, POLICY_PATH)
    assert list(objects.iterdir()) == []


MOMENT = datetime(2026, 5, 4, 3, 2, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (ExpiredMetadataError("timestamp"), TrustError, "2026-05-04 03:02 UTC.*handrail signer"),
        (DownloadError("gone"), Unavailable, "could not be fetched: gone"),
        (RepositoryError("wrong"), TrustError, "do not verify"),
        (OSError(28, "No space left on device"), Unavailable, "cannot be stored: No space left"),
    ],
)
def test_errors_of_the_library_are_told_in_our_words(error: Exception, kind: type[HandrailError], words: str) -> None:
    def work() -> None:
        raise error

    with pytest.raises(kind, match=words):
        in_our_words(work, MOMENT, MOMENT)


def test_what_the_mirror_says_is_told_as_it_is() -> None:
    def work() -> None:
        raise DownloadError("failed") from RelayUnreachable("The relay is away.")

    with pytest.raises(RelayUnreachable, match=r"The relay is away\."):
        in_our_words(work, 0.0, 0.0)


def test_which_clock_says_that_something_has_expired_is_told_and_which_to_set() -> None:
    def work() -> None:
        raise ExpiredMetadataError("timestamp")

    with pytest.raises(TrustError, match=r"by this computer's clock, which says 2026-05-04 03:02 UTC"):
        in_our_words(work, MOMENT + 30, MOMENT)
    with pytest.raises(TrustError) as raised:
        in_our_words(work, MOMENT, MOMENT - 7 * 3600)
    for words in (
        "it is 2026-05-04 03:02 UTC at least",
        "clock says 2026-05-03 20:02 UTC",
        "Set this computer's clock",
        "signer",
    ):
        assert words in str(raised.value)
