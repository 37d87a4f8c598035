"""What an approved fix script declares about itself, and how its parameters become an argv list without a shell.

A script is the directory `scripts/<id>/<version>/` of the signed repository: `manifest.json` (this module's `ScriptManifest`)
and the files it names. The manifest is signed by the approvers through the repository's `scripts` role; nothing here verifies
that, see `agent.trust`.

Rules for values that a technician sends (security.md section 6): unknown names, NUL and control characters, a leading "-", a bool
where an int belongs and everything that does not match its pattern as a whole is refused. A value never becomes more than one
argv element, and no element is ever read by a shell.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec

from protocol.errors import RefusalReason, Refused, TrustError
from protocol.formats import check_format
from protocol.messages.fixes import FixEntry, FixParameter, ParameterValue

MANIFEST_NAME = "manifest.json"
MAX_MANIFEST_BYTES = 64 * 1024
MAX_VALUE_CHARS = 500

ScriptId = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?\Z")]
ScriptVersion = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,6}(?:\.[0-9]{1,6}){0,2}\Z")]
FileName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\Z")]
Sha256Hex = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
Argument = Annotated[str, msgspec.Meta(max_length=1000)]
ShortText = Annotated[str, msgspec.Meta(max_length=200)]

_PLACEHOLDER = re.compile(r"\{(file:)?([A-Za-z0-9_.-]+)\}")
_PARAMETER_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class ScriptFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a script: its name inside the script's directory, its SHA-256 and its length in bytes."""

    name: FileName
    sha256: Sha256Hex
    length: Annotated[int, msgspec.Meta(ge=0, le=1024 * 1024)]


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One program to run. `argv[0]` is an absolute path; `{file:NAME}` stands for the absolute path of one of the script's
    files and `{NAME}` for a parameter's value. `timeout` in seconds (None: the manifest's).

    What the exit code means: detect 0 = the trouble is there, 1 = nothing to do; run and undo 0 = done; verify 0 = the trouble is
    gone. Any other code is a failure.
    """

    argv: Annotated[list[Argument], msgspec.Meta(min_length=1, max_length=64)]
    timeout: Annotated[float, msgspec.Meta(gt=0, le=3600)] | None = None


class ScriptManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`manifest.json`. `consent`: "ask" = the user is asked before every run; "policy" = the organisation's policy may waive
    that. `answers` are the ids of the findings that this script is meant for; `effects` say in plain words what it changes.
    `timeout` in seconds and `max_output` in bytes bound each step."""

    v: Literal[1] = 1
    id: ScriptId
    version: ScriptVersion
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    description: Annotated[str, msgspec.Meta(max_length=4000)] = ""
    min_tier: Annotated[int, msgspec.Meta(ge=1, le=3)]
    consent: Literal["ask", "policy"] = "ask"
    run_as: Literal["user", "root"]
    os: Annotated[list[Literal["linux", "windows", "macos"]], msgspec.Meta(min_length=1, max_length=3)]
    timeout: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 60.0
    max_output: Annotated[int, msgspec.Meta(ge=1024, le=1024 * 1024)] = 64 * 1024
    files: Annotated[list[ScriptFile], msgspec.Meta(max_length=32)]
    run: Step
    detect: Step | None = None
    verify: Step | None = None
    undo: Step | None = None
    parameters: Annotated[list[FixParameter], msgspec.Meta(max_length=16)] = []
    answers: Annotated[list[ShortText], msgspec.Meta(max_length=16)] = []
    effects: Annotated[list[ShortText], msgspec.Meta(max_length=16)] = []

    def steps(self) -> list[Step]:
        """The steps that are there, in the order detect, run, verify, undo."""
        return [step for step in (self.detect, self.run, self.verify, self.undo) if step is not None]

    def entry(self, digest: str, *, available: bool = True, why_not: str = "") -> FixEntry:
        """This manifest as it is shown to technicians; `digest` is that of its signed bytes (`manifest_digest`)."""
        return FixEntry(
            id=self.id,
            version=self.version,
            title=self.title,
            description=self.description,
            min_tier=self.min_tier,
            run_as=self.run_as,
            parameters=self.parameters,
            answers=self.answers,
            effects=self.effects,
            available=available,
            why_not=why_not,
            digest=digest,
        )


_DECODER = msgspec.json.Decoder(ScriptManifest)


def manifest_digest(data: bytes) -> str:
    """What names a script as a whole (`protocol.messages.fixes.FixDigest`), from its manifest's bytes as they were signed."""
    return hashlib.sha256(data).hexdigest()


def decode_manifest(data: bytes) -> ScriptManifest:
    """Read and check a manifest.

    Raises:
        NeedsUpdate: it is of a later format.
        TrustError: not a manifest, or one that contradicts itself; the text names the field.
    """
    if len(data) > MAX_MANIFEST_BYTES:
        raise TrustError(f"The script's manifest has {len(data)} bytes; at most {MAX_MANIFEST_BYTES} are allowed.")
    check_format(data, "script's manifest")
    try:
        manifest = _DECODER.decode(data)
    except (ValueError, RecursionError) as error:
        raise TrustError(f"The script's manifest is not valid: {error}.") from error
    check_manifest(manifest)
    return manifest


def check_manifest(manifest: ScriptManifest) -> None:
    """Check what types alone cannot say.

    Raises:
        TrustError: a placeholder without its file or parameter, a relative program, a parameter that bounds nothing.
    """
    where = f"The manifest of {manifest.id} {manifest.version}"
    names = [file.name for file in manifest.files]
    if len(set(names)) != len(names) or MANIFEST_NAME in names:
        raise TrustError(f"{where} names a file twice, or names itself.")
    parameters = {parameter.name: parameter for parameter in manifest.parameters}
    if len(parameters) != len(manifest.parameters):
        raise TrustError(f"{where} declares a parameter twice.")
    for parameter in manifest.parameters:
        _check_declaration(where, parameter)
    for step in manifest.steps():
        if not step.argv[0].startswith("/"):
            raise TrustError(f"{where} runs {step.argv[0]!r}: the program must be an absolute path, never looked up.")
        if "{" in step.argv[0] or "\0" in "".join(step.argv):
            raise TrustError(f"{where}: the program itself may not be a parameter, and no argument may hold a NUL.")
        for argument in step.argv:
            _check_placeholders(where, argument, names, parameters)


def _check_placeholders(where: str, argument: str, files: Sequence[str], parameters: Mapping[str, FixParameter]) -> None:
    for match in _PLACEHOLDER.finditer(argument):
        is_file, name = match.groups()
        if name not in (files if is_file else parameters):
            raise TrustError(f"{where}: {match.group(0)} names no {'file' if is_file else 'parameter'} of it.")
    rest = _PLACEHOLDER.sub("", argument)
    if "{" in rest or "}" in rest:
        raise TrustError(f"{where}: {argument!r} holds a brace that belongs to no placeholder.")


def _check_declaration(where: str, parameter: FixParameter) -> None:
    name = parameter.name
    if not _PARAMETER_NAME.fullmatch(name):
        raise TrustError(f"{where}: {name!r} is no parameter name (a-z, digits and _).")
    if parameter.kind == "text":
        if not parameter.pattern:
            raise TrustError(f"{where}: the text parameter {name} has no pattern.")
        try:
            re.compile(parameter.pattern)
        except re.error as error:
            raise TrustError(f"{where}: the pattern of {name} is no regular expression: {error}.") from error
    if parameter.kind == "int" and (parameter.low is None or parameter.high is None or parameter.low > parameter.high):
        raise TrustError(f"{where}: the number {name} needs `low` and `high`.")
    if parameter.kind == "choice" and not parameter.choices:
        raise TrustError(f"{where}: the choice {name} has nothing to choose from.")
    if parameter.default is not None:
        try:
            check_value(parameter, parameter.default)
        except Refused as error:
            raise TrustError(f"{where}: its own default is refused. {error}") from error


def check_value(parameter: FixParameter, value: object) -> str:
    """One value as the text that goes into argv.

    Raises:
        Refused: reason INVALID; the text says what the parameter takes.
    """
    name = parameter.name
    if parameter.kind == "bool":
        if type(value) is not bool:
            raise _invalid(f"{name} must be true or false.")
        return "true" if value else "false"
    if parameter.kind == "int":
        if type(value) is not int:  # a bool is an int to isinstance, and would arrive as 1
            raise _invalid(f"{name} must be a whole number.")
        if parameter.low is None or parameter.high is None or not parameter.low <= value <= parameter.high:
            raise _invalid(f"{name} must be between {parameter.low} and {parameter.high}, not {value}.")
        return str(value)
    if type(value) is not str:
        raise _invalid(f"{name} must be text.")
    if len(value) > MAX_VALUE_CHARS:
        raise _invalid(f"{name} has {len(value)} characters; at most {MAX_VALUE_CHARS} are allowed.")
    if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in value):
        raise _invalid(f"{name} holds a control character.")
    if value.startswith("-"):
        raise _invalid(f"{name} may not begin with a dash: it could be taken for an option.")
    if parameter.kind == "choice":
        if value not in parameter.choices:
            raise _invalid(f"{name} must be one of {', '.join(parameter.choices)}.")
        return value
    if not parameter.pattern or not re.fullmatch(parameter.pattern, value):
        raise _invalid(f"{name} does not have the form {parameter.pattern}.")
    return value


def bind_parameters(manifest: ScriptManifest, given: Mapping[str, ParameterValue]) -> dict[str, str]:
    """Check what a technician sent against what the manifest declares, fill in defaults.

    Returns:
        The text of every parameter by name; optional ones without a value or default are left out.

    Raises:
        Refused: reason INVALID; the text names the parameter.
    """
    declared = {parameter.name: parameter for parameter in manifest.parameters}
    unknown = sorted(set(given) - set(declared))
    if unknown:
        known = ", ".join(declared) or "none"
        raise _invalid(f"{manifest.id} has no parameter {unknown[0][:60]!r}; it takes: {known}.")
    values: dict[str, str] = {}
    for name, parameter in declared.items():
        value = given.get(name, parameter.default)
        if value is None:
            if parameter.required:
                raise _invalid(f"{manifest.id} needs the parameter {name} ({parameter.title or parameter.kind}).")
            continue
        values[name] = check_value(parameter, value)
    return values


def render_argv(step: Step, values: Mapping[str, str], file_path: Mapping[str, str]) -> list[str]:
    """The argv list of a step. `file_path` maps each of the script's file names to its absolute path.

    An element whose parameter has no value is left out. Each element stays one element.

    Raises:
        Refused: reason INVALID, an element would begin with "-" only because of a value.
    """
    argv: list[str] = []
    for template in step.argv:
        used = [match.group(2) for match in _PLACEHOLDER.finditer(template) if not match.group(1)]
        if any(name not in values for name in used):
            continue

        def replace(match: re.Match[str]) -> str:
            return file_path[match.group(2)] if match.group(1) else values[match.group(2)]

        argument = _PLACEHOLDER.sub(replace, template)
        if argument.startswith("-") and not template.startswith("-"):
            raise _invalid(f"{template} would become the option {argument!r}.")
        argv.append(argument)
    return argv


def parse_value(parameter: FixParameter, text: str) -> ParameterValue:
    """What a person typed (`--param name=text`) as the typed value that `FixRun` carries.

    Raises:
        Refused: reason INVALID.
    """
    value: ParameterValue = text
    if parameter.kind == "int":
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise _invalid(f"{parameter.name} must be a whole number.")
        value = int(text)
    elif parameter.kind == "bool":
        if text.lower() not in ("true", "false", "yes", "no"):
            raise _invalid(f"{parameter.name} must be true or false.")
        value = text.lower() in ("true", "yes")
    check_value(parameter, value)
    return value


def _invalid(text: str) -> Refused:
    return Refused(text, reason=RefusalReason.INVALID)
