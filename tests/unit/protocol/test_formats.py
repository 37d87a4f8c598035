"""Documents of other versions: what an earlier reader still reads, what later words do here, and what is never skipped."""

import json

import msgspec
import pytest

from protocol.capabilities import Capability
from protocol.documents import (
    Bundle,
    Document,
    GroupPolicy,
    OrganisationPolicy,
    RevocationList,
    TechniciansList,
    canonical_json,
    decode_bundle,
    decode_document,
)
from protocol.errors import NeedsUpdate, TrustError
from protocol.formats import LATER, NEWEST_FORMAT, READ_SINCE, format_of
from protocol.manifests import ScriptManifest, decode_manifest
from protocol.seeds import decode_seed
from protocol.version import PRODUCT
from tests.vectors.documents import DOCUMENTS
from tests.vectors.make import FOLDER

PLAIN = OrganisationPolicy(issued=1.0, name="Example", groups={"front": GroupPolicy(unattended=[Capability.VIEW])})
NEW = msgspec.structs.replace(PLAIN, groups={"front": GroupPolicy(transcript_days=30)})
FIRST_RULES = {
    "unattended",
    "attended",
    "consent_for_fixes",
    "ask_when_present",
    "pause_on_local_input",
    "grant_seconds",
    "hide_windows",
    "files_folders",
    "recording",
    "keep_transcripts",
    "forward_to",
    "log_files",
}
"""What agents of version 0.1.0 know of a group's rules; they refuse a policy with anything else, and any `v` but 1."""


def saying(document: OrganisationPolicy, **more: object) -> bytes:
    """The document as a later version might write it."""
    return json.dumps(json.loads(canonical_json(document)) | more).encode()


def test_a_policy_that_uses_nothing_new_is_what_the_first_agents_read() -> None:
    read = json.loads(canonical_json(PLAIN))
    assert set(read) == {"v", "issued", "name", "groups", "default"} and read["v"] == 1
    for rules in (read["default"], read["groups"]["front"]):
        assert set(rules) == FIRST_RULES


def test_one_that_does_says_from_which_version_it_is_read() -> None:
    read = json.loads(canonical_json(NEW))
    assert (read["v"], read["reader"]) == (2, "0.2.0")
    assert set(read["groups"]["front"]) == FIRST_RULES | {"transcript_days"} and set(read["default"]) == FIRST_RULES
    again = decode_document(canonical_json(NEW), OrganisationPolicy)
    assert again.groups == NEW.groups and format_of(again) == 2 and canonical_json(again) == canonical_json(NEW)


def test_giving_up_what_is_new_brings_the_first_agents_back() -> None:
    read = decode_document(canonical_json(NEW), OrganisationPolicy)
    back = msgspec.structs.replace(read, groups=PLAIN.groups)
    assert canonical_json(back) == canonical_json(PLAIN) and format_of(back) == 1


def test_what_the_version_before_wrote_is_read_though_it_names_what_it_does_not_use() -> None:
    old = json.loads(canonical_json(PLAIN))
    old["groups"]["front"] |= {"transcript_days": 0, "recording_days": 7}
    read = decode_document(json.dumps(old).encode(), OrganisationPolicy)
    assert read.group("front").recording_days == 7 and json.loads(canonical_json(read))["v"] == 2


def test_a_later_format_is_refused_with_the_version_to_update_to() -> None:
    data = saying(NEW, v=NEWEST_FORMAT + 1, reader="3.1", curfew={"front": "22:00"})
    with pytest.raises(NeedsUpdate, match=r"version 3\.1 or later.*Update Handrail on this computer") as caught:
        decode_document(data, OrganisationPolicy)
    assert caught.value.reader == "3.1" and PRODUCT in str(caught.value)
    with pytest.raises(NeedsUpdate) as caught:
        decode_document(saying(PLAIN, v=NEWEST_FORMAT + 1), OrganisationPolicy)
    assert caught.value.reader == LATER


@pytest.mark.parametrize(
    "more",
    [
        {"curfew": "22:00"},
        {"default": {"curfew": "22:00"}},
        {"default": {"recording": "by_day"}},
        {"default": {"unattended": ["view", "not a name"]}},
        {"default": {"unattended": "view"}},
        {"default": {"unattended": [["view"]]}},
        {"v": 0},
        {"v": "2"},
        {"v": NEWEST_FORMAT + 1, "reader": "\x1b[31m"},
        {"v": NEWEST_FORMAT + 1, "reader": "9" * 4000},
    ],
)
def test_what_is_not_understood_and_not_announced_is_refused_too(more: dict[str, object]) -> None:
    with pytest.raises(TrustError) as caught:
        decode_document(saying(PLAIN, **more), OrganisationPolicy)
    assert not isinstance(caught.value, NeedsUpdate) and "\x1b" not in str(caught.value)


def test_notes_and_allowances_of_a_later_version_are_skipped() -> None:
    rules = {"unattended": ["view", "teleport"], "attended": ["teleport"], "_why": "see the handbook"}
    read = decode_document(saying(PLAIN, _ticket=4711, default=rules), OrganisationPolicy)
    assert read.default.unattended == [Capability.VIEW]
    assert read.default.attended == [], "a list of nothing that is known allows nothing; only null allows all"
    assert read.groups == PLAIN.groups


def test_only_lists_that_allow_skip_anything() -> None:
    assert set(OrganisationPolicy.OPEN_LISTS) == {"unattended", "attended"}
    for kind in (TechniciansList, RevocationList, Bundle):
        assert not kind.OPEN_LISTS
    with pytest.raises(TrustError):
        decode_document(b'{"v":1,"issued":1.0,"fingerprints":["teleport"]}', RevocationList)


@pytest.mark.parametrize("more", [{"_ticket": 4711}, {"default": {"unattended": ["teleport"]}}])
def test_whoever_writes_it_anew_loses_nothing(more: dict[str, object]) -> None:
    with pytest.raises(NeedsUpdate, match="would lose"):
        decode_document(saying(PLAIN, **more), OrganisationPolicy, whole=True)
    assert decode_document(canonical_json(NEW), OrganisationPolicy, whole=True).groups == NEW.groups


def test_files_that_people_carry_say_it_too() -> None:
    later = json.dumps({"v": NEWEST_FORMAT + 1, "reader": "3.1"}).encode()
    for decode in (decode_bundle, decode_seed, decode_manifest):
        with pytest.raises(NeedsUpdate, match=r"3\.1"):
            decode(later)


def test_every_format_is_read_since_some_version_and_the_newest_by_this_one() -> None:
    assert set(READ_SINCE) == set(range(1, NEWEST_FORMAT + 1))
    versions = [tuple(map(int, READ_SINCE[number].split("."))) for number in sorted(READ_SINCE)]
    assert versions == sorted(versions) and versions[-1] <= tuple(map(int, PRODUCT.split(".")))


def documents(kind: type[Document] = Document) -> list[type[Document]]:
    return [kind, *(below for one in kind.__subclasses__() for below in documents(one))]


def test_what_is_newer_can_be_left_out_and_the_document_can_say_so() -> None:
    newer = [one for one in documents() if one.SINCE]
    assert GroupPolicy in newer
    for kind in newer:
        fields = {field.name: field for field in msgspec.structs.fields(kind)}
        for name, since in kind.SINCE.items():
            assert not fields[name].required and 1 < since <= NEWEST_FORMAT, f"{kind.__name__}.{name}"
    assert "reader" in OrganisationPolicy.__struct_fields__


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_bytes_are_those_of_the_vectors_and_read_back(name: str) -> None:
    document = DOCUMENTS[name]
    golden = {entry["name"]: entry["text"].encode() for entry in json.loads((FOLDER / "documents.json").read_text())}
    assert canonical_json(document) == golden[name]
    read: Document | ScriptManifest
    if isinstance(document, ScriptManifest):
        read = decode_manifest(golden[name])
    elif isinstance(document, Bundle):
        read = decode_bundle(golden[name])
    else:
        read = decode_document(golden[name], type(document))
    if "reader" in read.__struct_fields__:
        read = msgspec.structs.replace(read, v=1, reader="")
    assert read == document
