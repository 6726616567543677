# SPDX-License-Identifier: Apache-2.0
"""The command line: the commands, and how a mistake ends."""

import sys
from importlib import metadata
from typing import Annotated

import typer
from pydantic import ValidationError

from nms.commands.bench import bench
from nms.commands.cache import cache
from nms.commands.check import check
from nms.commands.doctor import doctor
from nms.commands.energy import energy
from nms.commands.evaluate import evaluate
from nms.commands.generate import generate
from nms.commands.presets import presets
from nms.commands.report import report
from nms.commands.run import run
from nms.commands.sample import sample
from nms.commands.show import show
from nms.commands.synth import synth
from nms.contract.errors import ToolError, UserError

app = typer.Typer(
    help="Near-memory sampler: generate the hardware, run it on images, prove it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for command in (presets, show, generate, run, sample, evaluate, report, check, synth, bench, cache, doctor):
    app.command()(command)
app.add_typer(energy, name="energy")


def _version(wanted: bool) -> None:
    if wanted:
        print("nms", metadata.version("nms"))
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
]


def main() -> None:
    """Entry point: a user's mistake is one line and exit status 2, a failed tool one line and status 1."""
    try:
        status = app(standalone_mode=False, prog_name="nms")
    except UserError as error:
        _refuse(str(error))
    except ToolError as error:
        _refuse(str(error), 1)
    except typer.TyperException as error:
        _refuse(_usage(error))
    except typer.Abort:
        sys.exit(130)
    sys.exit(status if isinstance(status, int) else 0)


def _usage(error: typer.TyperException) -> str:
    """Typer's own message, with the value where pydantic refused one."""
    message = error.format_message().replace("Value error, ", "")
    if isinstance(error.__cause__, ValidationError):
        message = f"{error.__cause__.errors()[0]['input']!r}: {message}"
    return message


def _refuse(message: str, status: int = 2) -> None:
    if message:  # without a command the help is printed already
        print("nms:", " ".join(message.split()), file=sys.stderr)
    sys.exit(status)


@app.callback()
def _options(
    version: Version = False,
) -> None:
    pass


if __name__ == "__main__":
    main()
