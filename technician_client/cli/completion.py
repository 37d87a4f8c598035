"""`handrail completion`: what a shell needs to complete commands and options."""

from typing import Final

import click
from click.shell_completion import get_completion_class

SHELLS: Final = ("bash", "zsh", "fish")


def completion_script(command: click.Command, program: str, shell: str) -> str:
    """What the shell is to read for this program."""
    kind = get_completion_class(shell)
    assert kind is not None
    variable = f"_{program}_COMPLETE".replace("-", "_").upper()
    return kind(command, {}, program, variable).source()


@click.command(
    epilog="\b\nExamples:\n  handrail completion bash > ~/.local/share/bash-completion/completions/handrail\n"
    "  handrail completion zsh  > ~/.zfunc/_handrail        (with fpath+=~/.zfunc before compinit)\n"
    "  handrail completion fish > ~/.config/fish/completions/handrail.fish"
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what SHELL needs to complete the commands and options of handrail."""
    click.echo(completion_script(context.find_root().command, "handrail", shell))
