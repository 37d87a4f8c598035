"""Manifests: what they may declare, and that no value can become more than the one argument it is."""

import msgspec
import pytest

from protocol.errors import Refused, TrustError
from protocol.manifests import (
    MAX_MANIFEST_BYTES,
    ScriptFile,
    ScriptManifest,
    Step,
    bind_parameters,
    check_manifest,
    check_value,
    decode_manifest,
    parse_value,
    render_argv,
)
from protocol.messages.fixes import FixParameter

DAYS = FixParameter(name="days", kind="int", low=1, high=365, default=7, required=False)
UNIT = FixParameter(name="unit", kind="text", pattern=r"[a-z0-9@._-]+\.service")
FORCE = FixParameter(name="force", kind="bool", required=False)
COLOUR = FixParameter(name="colour", kind="choice", choices=["red", "green"], required=False)


def manifest(**changes: object) -> ScriptManifest:
    fields: dict[str, object] = {
        "id": "restart-service",
        "version": "1",
        "title": "Restart a service",
        "min_tier": 2,
        "run_as": "root",
        "os": ["linux"],
        "files": [ScriptFile(name="fix.py", sha256="0" * 64, length=3)],
        "run": Step(argv=["/usr/bin/python3", "{file:fix.py}", "--days={days}", "{unit}", "{force}", "{colour}"]),
        "parameters": [DAYS, UNIT, FORCE, COLOUR],
    }
    return ScriptManifest(**{**fields, **changes})  # type: ignore[arg-type]


def test_a_manifest_survives_the_wire() -> None:
    data = msgspec.json.encode(manifest())
    assert decode_manifest(data) == manifest()


@pytest.mark.parametrize(
    "changes",
    [
        {"run": Step(argv=["python3", "{file:fix.py}"])},
        {"run": Step(argv=["/usr/bin/python3", "{file:other.py}"])},
        {"run": Step(argv=["/usr/bin/python3", "{other}"])},
        {"run": Step(argv=["/usr/bin/{unit}"])},
        {"run": Step(argv=["/bin/sh", "a{b"])},
        {"run": Step(argv=["/bin/sh", "a\0"])},
        {"parameters": [DAYS, DAYS, UNIT, FORCE, COLOUR]},
        {"parameters": [FixParameter(name="days", kind="int"), UNIT, FORCE, COLOUR]},
        {"parameters": [DAYS, FixParameter(name="unit", kind="text"), FORCE, COLOUR]},
        {"parameters": [DAYS, FixParameter(name="unit", kind="text", pattern="("), FORCE, COLOUR]},
        {"parameters": [DAYS, UNIT, FORCE, FixParameter(name="colour", kind="choice")]},
        {"parameters": [FixParameter(name="days", kind="int", low=1, high=2, default=3), UNIT, FORCE, COLOUR]},
        {"parameters": [DAYS, UNIT, FORCE, COLOUR, FixParameter(name="A b", kind="bool")]},
        {"files": [ScriptFile(name="fix.py", sha256="0" * 64, length=3)] * 2},
        {
            "files": [
                ScriptFile(name="fix.py", sha256="0" * 64, length=3),
                ScriptFile(name="manifest.json", sha256="0" * 64, length=3),
            ]
        },
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(TrustError):
        check_manifest(manifest(**changes))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[" * 100_000,
        b" " * (MAX_MANIFEST_BYTES + 1),
        msgspec.json.encode(manifest()).replace(b'"id"', b'"shell":true,"id"'),
        msgspec.json.encode(manifest()).replace(b"fix.py", b"../fix.py"),
        msgspec.json.encode(manifest()).replace(b"restart-service", b"../../etc"),
    ],
)
def test_hostile_manifest_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(TrustError):
        decode_manifest(data)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        (DAYS, True),
        (DAYS, "7"),
        (DAYS, 0),
        (DAYS, 366),
        (DAYS, 7.0),
        (FORCE, 1),
        (FORCE, "true"),
        (UNIT, "cups.service\n"),
        (UNIT, "cups.service\0"),
        (UNIT, "-cups.service"),
        (UNIT, "x; reboot"),
        (UNIT, "cups.service; reboot.service"),
        (UNIT, "a" * 600 + ".service"),
        (UNIT, 3),
        (UNIT, None),
        (COLOUR, "blue"),
        (COLOUR, "-red"),
        (FixParameter(name="any", kind="text", pattern=".*"), "a\x9bb"),
    ],
)
def test_values_that_do_not_fit_are_refused(parameter: FixParameter, value: object) -> None:
    with pytest.raises(Refused):
        check_value(parameter, value)


def test_unknown_and_missing_parameters_are_refused_by_name() -> None:
    with pytest.raises(Refused, match="no parameter 'user'"):
        bind_parameters(manifest(), {"unit": "cups.service", "user": "root"})
    with pytest.raises(Refused, match="needs the parameter unit"):
        bind_parameters(manifest(), {})


def test_values_become_exactly_one_argument_each() -> None:
    values = bind_parameters(manifest(), {"unit": "cups.service", "force": False})
    assert values == {"days": "7", "unit": "cups.service", "force": "false"}
    argv = render_argv(manifest().run, values, {"fix.py": "/run/x y/fix.py"})
    assert argv == ["/usr/bin/python3", "/run/x y/fix.py", "--days=7", "cups.service", "false"]


def test_a_negative_number_cannot_become_an_option() -> None:
    step = Step(argv=["/bin/x", "{n}"])
    with pytest.raises(Refused):
        render_argv(step, {"n": "-5"}, {})
    assert render_argv(Step(argv=["/bin/x", "--n={n}"]), {"n": "-5"}, {}) == ["/bin/x", "--n=-5"]


def test_typed_text_becomes_typed_values() -> None:
    assert parse_value(DAYS, "9") == 9
    assert parse_value(FORCE, "yes") is True
    assert parse_value(UNIT, "a.service") == "a.service"
    for parameter, text in ((DAYS, "nine"), (DAYS, "999"), (FORCE, "1"), (UNIT, "--help")):
        with pytest.raises(Refused):
            parse_value(parameter, text)


def test_an_entry_shows_what_the_manifest_says() -> None:
    entry = manifest().entry("3f" * 32, available=False, why_not="needs root")
    assert entry.digest == "3f" * 32
    assert (entry.id, entry.available, entry.why_not, entry.parameters) == (
        "restart-service",
        False,
        "needs root",
        [DAYS, UNIT, FORCE, COLOUR],
    )
