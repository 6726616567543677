# SPDX-License-Identifier: Apache-2.0
"""The command line of a run: options from groups of them, and the words that repeat it."""

import inspect
import shlex
from collections.abc import Callable, Collection
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any, get_type_hints

import typer


def expand_groups(command: Callable[..., None]) -> Callable[..., None]:
    """``command`` with an option for each field of the dataclasses among its parameters."""
    given = inspect.signature(command).parameters
    groups: dict[str, Any] = {
        name: one.annotation for name, one in given.items() if is_dataclass(one.annotation)
    }
    parameters: list[inspect.Parameter] = []
    for name, parameter in given.items():
        if name not in groups:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        types = get_type_hints(groups[name], include_extras=True)
        parameters += [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if field.default is MISSING else field.default,
                annotation=types[field.name],
            )
            for field in fields(groups[name])
        ]

    def expanded(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        command(**values)

    expanded.__name__, expanded.__doc__ = command.__name__, command.__doc__
    expanded.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    expanded.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return expanded


LEFT_OUT = ("output", "force", "as_json")
"""Parameters that change nothing in what a command computes."""


def command_line(context: typer.Context, leave_out: Collection[str] = (), **resolved: Any) -> str:
    """The command line that repeats this run, quoted for a shell.

    It has the options whose values differ from their defaults, with paths as they were given.

    Parameters
    ----------
    context : of the command that runs
    leave_out : more parameters like those of :data:`LEFT_OUT`
    resolved : values found while running, by parameter: an option that was not given has them, too
    """
    words = context.command_path.split()
    for parameter in context.command.params:
        name = str(parameter.name)
        if name in resolved:
            words += _write_option(parameter, resolved[name])
        elif name in context.params and name not in {*LEFT_OUT, *leave_out}:
            option = _write_option(parameter, context.params[name])
            if option != _write_option(parameter, parameter.get_default(context)):
                words += option
    return shlex.join(words)


def _write_option(parameter: Any, value: Any) -> list[str]:
    """The words of one option, or of an argument, with its value."""
    if value is None:
        return []
    if isinstance(value, bool):
        return (parameter.opts if value else parameter.secondary_opts)[:1]
    if isinstance(value, (list, tuple)):
        return [word for one in value for word in _write_option(parameter, one)]
    text = str(value.value if isinstance(value, Enum) else value)
    return [text] if parameter.param_type_name == "argument" else [parameter.opts[0], text]
