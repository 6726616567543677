# SPDX-License-Identifier: Apache-2.0
"""The smoke test of a core, in Verilog: a job whose results are known without a model.

A job that keeps every image has the places of all images as its result and sends all images as they are.
"""

from pathlib import Path
from string import Template
from typing import Any

from nms.contract.config import Config, LeanConfig, ReducedConfig, SamplerConfig
from nms.contract.registers import (
    BY_NAME,
    IDENTITY,
    Error,
    Event,
    has_map,
    holds,
    result_offsets,
    setting_values,
)
from nms.contract.settings import LeanSettings, Settings

TEMPLATE = Path(__file__).parent / "templates" / "near_memory_sampler_tb.v"

BATCHES = 2

PAGE = 4096

SIZE = 1 << 16
"""Bytes of the memory: images in the first half, results in the second."""

REGISTERS = ("identity", "irq_enable", "irq_status", "control", "error_code", "batches_done")
"""Those that the testbench names."""


def _settings(config: SamplerConfig) -> Settings | LeanSettings:
    """A few small images, all of which are kept; not a multiple of a beat's bytes where there is room."""
    count = min(config.images, 5)
    small: dict[str, Any] = {"ratio": 1.0, "perplexity": 2.0, "iterations": 2}
    reduces = config.side and config.pixels >= 48
    shape, side = ((5, 7, 3), 4) if reduces else ((min(config.pixels, 21),), 0)
    if isinstance(config, Config):
        pick = "medoid" if config.picks else "centre"
        return Settings.make(config, count, shape, side=side, search="window", pick=pick, **small)
    assert isinstance(config, ReducedConfig)
    pick = "medoid" if isinstance(config, LeanConfig) else "herding"
    return LeanSettings.make(config, count, shape, side=side, pick=pick, **small)


def _write(name: str, value: int) -> str:
    """Statements that write a register, or a 64-bit value by its name without ``_lo``."""
    if name in BY_NAME:
        return f"    write(12'h{BY_NAME[name].offset:03x}, 32'h{value:08x});\n"
    return _write(f"{name}_lo", value & 0xFFFFFFFF) + _write(f"{name}_hi", value >> 32)


def _connect(ports: list[dict[str, Any]]) -> tuple[str, str]:
    """Declarations of what is driven and seen at the ports, by the ports' names, and the connections."""
    kinds = {"input": "reg", "output": "wire"}
    declared = "".join(
        f"  {kinds[port['direction']]} [{port['width'] - 1}:0] {port['name']}"
        f"{' = 0' if port['direction'] == 'input' else ''};\n"
        for port in ports
    )
    return declared, ",\n      ".join(f".{port['name']}({port['name']})" for port in ports)


def _know(ports: list[dict[str, Any]]) -> str:
    """Statements that fail if an output is unknown that says something in this cycle."""
    outputs = [port["name"] for port in ports if port["direction"] == "output"]
    valids = [name for name in outputs if name.endswith("valid")]
    channels: dict[str, list[str]] = {valid: [] for valid in valids}
    always = []
    for name in outputs:
        owners = [valid for valid in valids if name.startswith(valid.removesuffix("valid"))]
        if name.endswith(("valid", "ready")) or not owners:
            always.append(name)
        else:
            channels[max(owners, key=len)].append(name)
    checks = [f'    if (^{{{", ".join(always)}}} === 1\'bx) fail("an output is unknown");\n']
    checks += [
        f'    if ({valid} && ^{{{", ".join(names)}}} === 1\'bx) fail("what {valid} offers is unknown");\n'
        for valid, names in channels.items()
    ]
    return "".join(checks)


def write_smoke_test(config: SamplerConfig, top: str, ports: list[dict[str, Any]]) -> str:
    """The testbench of the module ``top`` with these ``ports``."""
    settings, beat = _settings(config), config.bus_bits // 8
    base = 1 << 32 if config.address_bits == 64 else 1 << 31  # so that the upper bits count
    size = result_offsets(settings.count, settings.keep, has_map(settings))[2]
    image_stride = -(-settings.pixels // beat) * beat + beat
    images, batch_stride = PAGE - 2 * beat, settings.count * image_stride + 3 * beat
    results, result_stride = SIZE // 2 + PAGE - beat, -(-size // beat) * beat + beat
    own = {name: value for name, value in setting_values(settings).items() if holds(config, name)}
    job = own | {
        "image_base": base + images,
        "image_stride": image_stride,
        "batches": BATCHES,
        "batch_stride": batch_stride,
        "result_base": base + results,
        "result_stride": result_stride,
        "options": 3,  # images are sent, results are written
    }
    declared, connected = _connect(ports)
    start = next(field.low for field in BY_NAME["control"].fields if field.name == "start")
    return Template(TEMPLATE.read_text()).substitute(
        top=top,
        declared=declared,
        connected=connected,
        known=_know(ports),
        job="".join(_write(name, value) for name, value in job.items()),
        beat=beat,
        size=SIZE,
        base=f"{base:016x}",
        count=settings.count,
        pixels=settings.pixels,
        batches=BATCHES,
        images=images,
        image_stride=image_stride,
        batch_stride=batch_stride,
        results=results,
        result_stride=result_stride,
        result_size=size,
        identity_value=f"{IDENTITY:08x}",
        all_events=f"{sum(1 << event for event in Event):08x}",
        done_event=f"{1 << Event.DONE:08x}",
        error_event=f"{1 << Event.ERROR:08x}",
        start=f"{1 << start:08x}",
        setting=f"{Error.SETTING:08x}",
        **{name: f"{BY_NAME[name].offset:03x}" for name in REGISTERS},
    )
