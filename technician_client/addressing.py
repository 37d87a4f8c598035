"""From what a person types to a device: a code of either form, an id, a label, or the beginning of either."""

from collections.abc import Sequence

import protocol.codes
from protocol.link_messages import DeviceRow
from technician_client.errors import Ambiguous, NotFound


def parse_code(words: str) -> str | None:
    """The code that was typed, however it is grouped, in its canonical form ("482913507", "482913507-ABCDEFGH"), or None."""
    found = protocol.codes.parse_code(words)
    return None if found is None else found.text


def find_device(words: str, rows: Sequence[DeviceRow]) -> DeviceRow:
    """The one device that `words` means: by id, else by label (capitals do not matter), else by the beginning of one of them.

    Raises:
        NotFound: none. Ambiguous: several; the text lists them.
    """
    wanted = words.strip()
    folded = wanted.casefold()
    if not wanted:
        raise NotFound("Say which device: its id, its label or the beginning of one.")
    for found in (
        [row for row in rows if row.id == wanted],
        [row for row in rows if row.label == wanted],
        [row for row in rows if row.label.casefold() == folded],
        [row for row in rows if row.id.startswith(folded) or row.label.casefold().startswith(folded)],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            listed = "\n".join(f"  {row.id}  {row.label}" for row in found[:20])
            more = f"\n  and {len(found) - 20} more" if len(found) > 20 else ""
            raise Ambiguous(
                f"{wanted!r} may be any of {len(found)} devices. Say which by its id:\n{listed}{more}",
                candidates=[row.id for row in found],
            )
    raise NotFound(f"No device answers to {wanted!r}. `handrail devices` lists them.")
