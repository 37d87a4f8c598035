"""An agent's home in which sessions have left records, a checkpoint and receipts; and what somebody can do to it."""

import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from agent.audit import Audit, Receipt
from agent.audit_export import export
from agent.recording import Leaving, SessionRecord
from agent.settings import AgentSettings
from agent.status import RelayStatus, StatusBoard
from protocol.certificates import Identity, Role, check_chain
from tests.kit.assisted import Device
from tests.kit.organisation import Organisation

ORGANISATION = Organisation()


class Audited:
    """One device with its chain. `session` lets one more session begin and end."""

    def __init__(self, home: Path, *, organisation: Organisation = ORGANISATION) -> None:
        self.organisation = organisation
        self.device = Device(organisation, organisation.device())
        self.settings = AgentSettings(home=home)
        self.path = self.settings.audit
        person = organisation.technician()
        self.technician: Identity = check_chain(
            person.chain, root_der=organisation.root, expected=Role.TECHNICIAN, purpose="session", wall=datetime.now(UTC)
        )
        relay = RelayStatus("http://127.0.0.1:9", "connected", 0.0, "")
        self.board = StatusBoard(device="d1", label="x", organisation="y", certificate_until=0.0, relay=relay)
        self.now = datetime.now(UTC).timestamp()

    def identity(self) -> Identity:
        """The device, as a technician's channel certifies it."""
        return check_chain(
            self.device.chain, root_der=self.organisation.root, expected=Role.DEVICE, purpose="session", wall=datetime.now(UTC)
        )

    def session(self, name: str, *, actions: int = 1, witness: int = 0) -> Leaving:
        """One session of four records, the last about its receipt."""
        self.now += 60
        with Audit(self.path) as audit:
            record = SessionRecord(
                name,
                audit=audit,
                board=self.board,
                keys=self.device,
                settings=self.settings,
                wall=lambda: datetime.fromtimestamp(self.now, UTC),
            )
            record.write("session opened", {"technician": "Ana Ruiz", "granted": "chat"})
            for number in range(actions):
                record.write("did", {"number": number})
            return record.close(
                self.technician,
                tier=2,
                asked_for="the printer",
                unattended=False,
                opened_at=self.now - 30,
                because="done",
                witness=witness,
            )

    def export(self, session: str = "") -> list[bytes]:
        """The file that `handrail-agent audit export` writes."""
        with Audit(self.path, read_only=True) as audit:
            return list(export(audit, self.device, session=session, at=self.now))

    def receipts(self) -> list[Receipt]:
        return [msgspec.json.decode(path.read_bytes(), type=Receipt) for path in sorted(self.settings.receipts.glob("*.json"))]

    # -- what somebody can do to the files

    def change(self, *statements: str) -> None:
        """Edit the file itself."""
        database = sqlite3.connect(self.path)
        with database:
            for statement in statements:
                database.execute(statement)
        database.close()

    def keep_copy(self, place: Path) -> None:
        """Remember the chain and its note as they stand."""
        place.mkdir()
        for name in self._files():
            shutil.copy(name, place)

    def put_back(self, place: Path, *, note: bool = True) -> None:
        """Roll the whole database back to that copy (`note`: the signed note beside it as well)."""
        for name in self._files():
            if note or name.suffix != ".checkpoint":
                name.unlink()
        for name in place.iterdir():
            if note or name.suffix != ".checkpoint":
                shutil.copy(name, self.path.parent)

    def write_anew(self, old: str, new: str) -> None:
        """Make the whole chain again with other words in it, every hash fitting."""
        with Audit(self.path, read_only=True) as audit:
            rows = [record for record, _ in audit.rows()]
        for name in self._files():
            name.unlink()
        with Audit(self.path) as audit:
            for record in rows:
                detail = {
                    key: value.replace(old, new) if isinstance(value, str) else value for key, value in record.detail.items()
                }
                audit.record(record.action.replace(old, new), detail, session=record.session, at=record.at)

    def _files(self) -> list[Path]:
        return [path for path in self.path.parent.iterdir() if path.name.startswith(self.path.stem) and path.is_file()]
