# SPDX-License-Identifier: Apache-2.0
"""The files of a core: Verilog and what tools need beside it, from the templates beside this file."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from nms.contract.config import SamplerConfig
from nms.contract.errors import UserError
from nms.contract.output import publish
from nms.contract.provenance import collect
from nms.rtl.export import registers
from nms.rtl.export.emit import Tell, ignore, system_verilog
from nms.rtl.export.ipxact import component
from nms.rtl.export.naming import NAMES, PREFIX, TOP, Names, apply_names
from nms.rtl.export.ports import system_interface
from nms.rtl.export.smoke_test import write_smoke_test

TEMPLATES = Path(__file__).parent / "templates"

MANIFEST = "manifest.json"
"""The record of a core: what it is, and what made it."""

WAIVERS = TEMPLATES / "waivers.vlt"
"""What the linter may find in emitted Verilog, each with its reason."""

VLNV = re.compile(r"[\w.-]*:[\w.-]*:[\w.-]+:\d+(?:\.\d+)*(?:-r\d+)?", re.ASCII)
"""The name of a FuseSoC core: vendor, library, name, version."""

PERIOD = 10.0
"""Nanoseconds of a clock cycle in the timing constraint."""


def _fill(template: str, **values: str) -> str:
    return Template((TEMPLATES / template).read_text()).substitute(values)


def name_core(config: SamplerConfig, names: Names = NAMES) -> str:
    """The name of a core that differs from those of cores with another configuration or other modules."""
    if names == NAMES:
        return f"nms:sampler:{config.full_name}:0.1.0"
    digest = hashlib.sha256(f"{config.digest} {names.prefix} {names.top}".encode()).hexdigest()[:12]
    return f"nms:sampler:{config.name}-{digest}:0.1.0"


def generate(
    config: SamplerConfig,
    directory: Path | str,
    provenance: Mapping[str, Any] | None = None,
    vlnv: str | None = None,
    prefix: str = PREFIX,
    top: str = TOP,
    tell: Tell = ignore,
) -> list[Path]:
    """Write the sampler as a core into ``directory`` and return the files; ``tell`` is told the progress.

    ``sampler.v`` has the module ``top`` and all modules below it, whose names begin with ``prefix``.
    ``ports.json`` has the ports of the top and of the bare sampler
    (:func:`nms.rtl.export.ports.system_interface`). ``registers.md``, ``nms_registers.h`` and
    ``nms_registers.rdl`` have the registers. ``nms_sampler.core`` is for FuseSoC, by the name ``vlnv``
    (:func:`name_core` unless given), with the targets lint, sim, sim_verilator and synth, and comes with
    what they need. ``component.xml`` is the core in IP-XACT. ``sampler.sdc`` has the clock.
    ``manifest.json`` has the configuration, its digest, the names, ``provenance`` (the versions of the
    tools unless given, :func:`nms.contract.provenance.collect`) and the SHA-256 of the other files. All
    text is made before the first file is written, and depends on the arguments alone;
    each file appears whole or not at all.

    Raises
    ------
    UserError
        ``prefix`` or ``top`` gives a module a name that Verilog does not allow, or two modules the same;
        ``vlnv`` is no name of a core.
    """
    names = Names(prefix, top)
    if vlnv is not None and not VLNV.fullmatch(vlnv):
        raise UserError(f"vlnv {vlnv!r}: must be vendor:library:name:version, as acme:ip:sampler:1.0.0")
    described = system_interface(config, names)
    core = {
        "vlnv": vlnv or name_core(config, names),
        "name": config.name,
        "digest": config.digest,
        "top": top,
    }
    texts = {
        "sampler.v": apply_names(system_verilog(config, tell), names),
        "registers.md": registers.markdown(),
        "nms_registers.h": registers.header(),
        "nms_registers.rdl": registers.systemrdl(),
        "ports.json": json.dumps(described, indent=1) + "\n",
        "nms_sampler.core": _fill("nms_sampler.core", **core),
        "component.xml": component(described, config.name),
        "sampler.sdc": _fill("sampler.sdc", period=f"{PERIOD:.3f}"),
        "near_memory_sampler_tb.v": write_smoke_test(config, top, described["ports"]),
        "waivers.vlt": WAIVERS.read_text(),
    }
    manifest = {
        "configuration": config.model_dump(),
        "digest": config.digest,
        "names": {"prefix": prefix, "top": top},
        "provenance": dict(collect(config) if provenance is None else provenance),
        "files": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()},
    }
    texts[MANIFEST] = json.dumps(manifest, indent=1) + "\n"

    def write(staging: Path) -> None:
        for name, text in texts.items():
            (staging / name).write_text(text)

    return publish(Path(directory), write)
