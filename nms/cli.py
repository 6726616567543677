# SPDX-License-Identifier: Apache-2.0
"""The command line: the commands, and how a mistake ends."""

import io
import os
import shlex
import signal
import sys
import traceback
from contextlib import suppress
from importlib import metadata
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError

from nms import extras
from nms.commands import progress
from nms.commands.bench import bench
from nms.commands.build import build
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
from nms.commands.soc import soc
from nms.commands.synth import synth
from nms.contract.cache import keep_log
from nms.contract.errors import SHELL, Interruption, ToolError, UserError, is_refusal
from nms.contract.interruption import ending_on_signals

app = typer.Typer(
    help="Near-memory sampler: generate the hardware, run it on images, prove it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for command in (
    presets,
    show,
    generate,
    run,
    sample,
    evaluate,
    report,
    check,
    synth,
    soc,
    build,
    bench,
    cache,
    doctor,
):
    app.command()(command)
app.add_typer(energy, name="energy")


def _version(wanted: bool) -> None:
    if wanted:
        print("nms", metadata.version("nms"))
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
]

Traceback = Annotated[bool, typer.Option("--traceback", help="Show the traceback of a defect of nms.")]

NARROWEST = 20
"""Columns below which the width of the terminal is not believed."""

DEFECT = 70
"""The exit status of a defect in this program, as BSD's ``sysexits.h`` has it."""

_shown: dict[str, bool] = {}
"""What the options before the command ask for."""


def main() -> None:
    """Entry point: what goes wrong is one line on standard error.

    The exit status is 2 for a user's mistake and for what the machine refuses, 1 for a tool that failed, 70
    for a defect of this program, and that of a shell for a signal.
    """
    _adapt_streams()
    try:
        with ending_on_signals():
            os.getcwd()  # the first to know that the folder is gone
            status = app(standalone_mode=False, prog_name="nms")
            if sys.stdout is not None:
                sys.stdout.flush()
    except UserError as error:
        _refuse(str(error))
    except ToolError as error:
        _refuse(str(error), 1)
    except ModuleNotFoundError as error:
        missing = extras.explain(error)
        if missing is None:
            raise
        _refuse(missing)
    except typer.TyperException as error:
        _refuse(_usage(error))
    except typer.Abort:
        sys.exit(130)
    except Interruption as error:
        _refuse(str(error), SHELL + error.signal)
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):  # nobody reads on
            _refuse("", SHELL + signal.SIGPIPE)
        raise
    except MemoryError as error:
        _refuse(f"not enough memory: {error}; take fewer images, or smaller ones")
    except BrokenPipeError:
        _refuse("", SHELL + signal.SIGPIPE)
    except Exception as error:
        if isinstance(error, OSError) and is_refusal(error):
            _refuse(f"{error.filename or 'output'}: {error.strerror or error}")
        if isinstance(error, FileNotFoundError) and not _has_folder():
            _refuse("the current directory does not exist any more")
        _report_defect(error)
    sys.exit(status if isinstance(status, int) else 0)


def _adapt_streams() -> None:
    """Whatever the terminal is said to be, print all words, legibly."""
    for name, least in (("COLUMNS", NARROWEST), ("LINES", 1)):
        given = os.environ.get(name, "")
        if not given.isdecimal() or int(given) < least:
            os.environ.pop(name, None)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _has_folder() -> bool:
    try:
        return bool(os.getcwd())
    except OSError:
        return False


def _report_defect(error: Exception) -> NoReturn:
    """One line: what was being done, what went wrong, how to repeat it, and where the traceback is."""
    text = "".join(traceback.format_exception(error))
    if _shown.get("traceback"):
        print(text, file=sys.stderr, end="")
    command = shlex.join(["nms", *sys.argv[1:]])
    log = keep_log("nms", f"{command}\n{text}")
    what = " ".join(traceback.format_exception_only(error)[-1].splitlines()[:1])
    _refuse(
        f"while {progress.doing or 'starting'}: {what}; this is a defect of nms; repeat it by `{command}`; "
        f"its traceback: {log}",
        DEFECT,
    )


def _usage(error: typer.TyperException) -> str:
    """Typer's own message, with the value where pydantic refused one."""
    message = error.format_message().replace("Value error, ", "")
    if isinstance(error.__cause__, ValidationError):
        message = f"{error.__cause__.errors()[0]['input']!r}: {message}"
    return message


def _refuse(message: str, status: int = 2) -> NoReturn:
    """Say what is wrong, in one line, and exit; without a command, the help is printed already."""
    with suppress(OSError):
        if message:
            print("nms:", " ".join(message.split()), file=sys.stderr)
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        try:
            if stream is not None:
                stream.flush()
        except OSError:  # nor can it be written as Python ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    sys.exit(status)


@app.callback()
def _options(
    version: Version = False,
    traceback: Traceback = False,
) -> None:
    _shown["traceback"] = traceback


if __name__ == "__main__":
    main()
