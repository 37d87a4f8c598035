"""`handrail org` and its neighbours, run in this process against an organisation on disk."""

import io
from pathlib import Path

from hostio.private_files import write_private
from technician_client.cli.app import App
from technician_client.cli.main import run
from technician_client.cli.output import Output
from tests.kit.commands import Ran
from tests.kit.founded import PASSPHRASE


def command_line(home: Path, *arguments: str) -> Ran:
    """Run one command line of `handrail`."""
    out, err = io.StringIO(), io.StringIO()
    app = App(home, Output(stdout=out, stderr=err, colour=False))
    app.output.out.width = app.output.err.width = 200
    code = run(list(arguments), app)
    return Ran(code, out.getvalue(), err.getvalue())


def passphrase_option(directory: Path, passphrase: bytes = PASSPHRASE) -> list[str]:
    """`--passphrase-file` with a file that holds it."""
    path = directory / "passphrase.txt"
    write_private(path, passphrase + b"\n")
    return ["--passphrase-file", str(path)]
