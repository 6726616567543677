# SPDX-License-Identifier: Apache-2.0
"""What ``ports.json`` says of the generated modules: ports, buses, streams, fields of payloads."""

from typing import Any

from amaranth import Shape
from amaranth.lib import data, wiring

from nms.contract.config import SamplerConfig
from nms.rtl.export.naming import Names
from nms.rtl.lib.hierarchy import Block


def _fields(shape: Any, offset: int = 0, prefix: str = "") -> list[dict[str, Any]]:
    """The fields of a structure, flat: ``point.x`` is field x of field point."""
    found = []
    for name, field in shape:
        path = prefix + str(name)
        if isinstance(field.shape, data.Layout):
            found += _fields(field.shape, offset + field.offset, path + ".")
        else:
            bits = Shape.cast(field.shape)
            found.append(
                {"name": path, "offset": offset + field.offset, "width": bits.width, "signed": bits.signed}
            )
    return found


def interface(block: Block) -> dict[str, Any]:
    """A block's ports, and its streams with the layout of their payloads.

    ``direction`` of a stream is that of its payload. Field ``offset`` counts bits from the lowest.
    """
    streams = []
    for path, member, _ in block.signature.flatten(block):
        if path[-1] == "payload":
            shape = Shape.cast(member.shape)
            payload: dict[str, Any] = {"width": shape.width, "signed": shape.signed}
            if isinstance(member.shape, data.Layout):
                payload["fields"] = _fields(member.shape)
            direction = "input" if member.flow is wiring.In else "output"
            streams.append(
                {"name": "__".join(map(str, path[:-1])), "direction": direction, "payload": payload}
            )
    given: list[dict[str, Any]] = [
        {"name": name, "direction": "input", "width": 1, "signed": False} for name in ("clk", "rst")
    ]
    ports = given + _pins(block)
    return {"module": block.module, "clock": "clk", "reset": "rst", "ports": ports, "streams": streams}


def _pins(block: Block) -> list[dict[str, Any]]:
    """The ports of a block's interface, in their order."""
    pins = []
    for path, member, _ in block.signature.flatten(block):
        shape = Shape.cast(member.shape)
        direction = "input" if member.flow is wiring.In else "output"
        name = "__".join(map(str, path))
        pins.append({"name": name, "direction": direction, "width": shape.width, "signed": shape.signed})
    return pins


BUSES = {
    "s_axil": ("AXI4-Lite", "subordinate"),
    "m_axi": ("AXI4", "manager"),
    "m_axis": ("AXI4-Stream", "transmitter"),
}
"""Interfaces of the system by the prefix of their ports: protocol and role."""


def system_interface(config: SamplerConfig, names: Names) -> dict[str, Any]:
    """What ``ports.json`` holds: the top of a core as an integrator connects it.

    All ports; each bus with protocol, role and the port of each of its signals, by the protocol's names;
    the interrupt; the parameters of the generation. Under ``sampler`` the same of the block inside, which
    stands alone as well (:func:`interface`). Modules have the names that ``names`` gives them.
    """
    from nms.rtl.bus.axi import NearMemorySampler
    from nms.rtl.core import make_core

    block = NearMemorySampler(config)
    block._MustUse__used = True  # described, not elaborated
    sampler: Block = make_core(config)
    sampler._MustUse__used = True
    pins = _pins(block)
    buses = [
        {
            "name": prefix,
            "protocol": protocol,
            "role": role,
            "clock": "aclk",
            "reset": "aresetn",
            "signals": {
                pin["name"].removeprefix(f"{prefix}_").upper(): pin["name"]
                for pin in pins
                if pin["name"].startswith(f"{prefix}_")
            },
        }
        for prefix, (protocol, role) in BUSES.items()
    ]
    return {
        "module": names.rename(block.module),
        "digest": config.digest,
        "parameters": config.model_dump(),
        "clock": {"name": "aclk", "edge": "rising"},
        "reset": {"name": "aresetn", "active": "low", "synchronous": True},
        "interrupt": {"name": "irq", "active": "high", "sensitive": "level"},
        "ports": pins,
        "buses": buses,
        "sampler": interface(sampler) | {"module": names.rename(sampler.module)},
    }
