"""`handrail` run in this process, in a thread of its own, against a switchboard that runs on the test's loop."""

import asyncio
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from technician_client.cli.app import App
from technician_client.cli.main import run
from technician_client.cli.output import Output
from technician_client.link import TechnicianKeys
from technician_client.step_up import StepUp


@dataclass
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its one JSON document."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Its JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


async def handrail(home: Path, keys: TechnicianKeys, *arguments: str, step_up: StepUp | None = None) -> Ran:
    """Run one command line with these keys unlocked; `step_up`: when their passphrase was typed last."""
    out, err = io.StringIO(), io.StringIO()
    app = App(home, Output(stdout=out, stderr=err, colour=False), unlock=lambda _app, _settings: keys, step_up=step_up)
    app.output.out.width = app.output.err.width = 200
    code = await asyncio.to_thread(run, list(arguments), app)
    return Ran(code, out.getvalue(), err.getvalue())
