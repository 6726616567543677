# SPDX-License-Identifier: Apache-2.0
"""FuseSoC's generator: a core in the working directory, as the file it is called with asks."""

import shlex
import sys
from pathlib import Path

import yaml

from nms.contract import config as configuration
from nms.contract import provenance
from nms.contract.errors import UserError
from nms.rtl.export.core import generate
from nms.rtl.export.naming import PREFIX, TOP

PARAMETERS = ("preset", "overrides", "prefix", "top")


def main(request: Path) -> None:
    """Generate what ``request`` asks for; a mistake in it is one line and exit status 1."""
    given = yaml.safe_load(request.read_text())
    parameters = given.get("parameters", {})
    try:
        for name in sorted(set(parameters) - set(PARAMETERS)):
            raise UserError(f"parameter {name!r} does not exist; known: {', '.join(PARAMETERS)}")
        if "preset" not in parameters:
            raise UserError("parameter 'preset' is missing; one of " + ", ".join(configuration.PRESETS))
        overrides = [f"{key}={value}" for key, value in parameters.get("overrides", {}).items()]
        preset = str(parameters["preset"])
        config = configuration.load(preset, overrides)
        names = {name: str(parameters[name]) for name in ("prefix", "top") if name in parameters}
        command = ["nms", "generate", "-c", preset]
        command += [word for one in overrides for word in ("-P", one)]
        command += [word for name, value in names.items() for word in (f"--{name}", value)]
        record = provenance.collect(config, shlex.join(command))
        prefix, top = names.get("prefix", PREFIX), names.get("top", TOP)
        generate(config, Path(), record, given["vlnv"], prefix, top)
    except UserError as error:
        sys.exit(f"nms: {error}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
