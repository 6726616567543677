# SPDX-License-Identifier: Apache-2.0
"""The core as an IP-XACT component (IEEE 1685-2009), as Vivado has it: buses, registers, ports, files."""

from typing import Any
from xml.etree import ElementTree as Xml

from nms.contract.registers import ADDRESS_BITS, REGISTERS, Access, Register

SPIRIT = "http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009"

INTERFACES = {
    "s_axil": ("aximm", "slave"),
    "m_axi": ("aximm", "master"),
    "m_axis": ("axis", "master"),
}
"""Vivado's type of each bus, and its role there."""

SIGNALS = {
    "aclk": ("clock", "CLK", {"ASSOCIATED_BUSIF": ":".join(INTERFACES), "ASSOCIATED_RESET": "aresetn"}),
    "aresetn": ("reset", "RST", {"POLARITY": "ACTIVE_LOW"}),
    "irq": ("interrupt", "INTERRUPT", {"SENSITIVITY": "LEVEL_HIGH"}),
}
"""Vivado's type of each single signal, its name there, and parameters."""

ACCESS = {
    Access.RO: "read-only",
    Access.RW: "read-write",
    Access.FREE: "read-write",
    Access.W1C: "read-write",
    Access.WO: "write-only",
}


def _add(parent: Xml.Element, tag: str, text: object = None, /, **attributes: str) -> Xml.Element:
    """A child element in SPIRIT's name space."""
    marked = {f"{{{SPIRIT}}}{key}": value for key, value in attributes.items()}
    child = Xml.SubElement(parent, f"{{{SPIRIT}}}{tag}", marked)
    child.text = None if text is None else str(text)
    return child


def _identify(parent: Xml.Element, *names: str) -> None:
    for key, value in zip(("vendor", "library", "name", "version"), names, strict=True):
        _add(parent, key, value)


def _add_interface(parent: Xml.Element, name: str, group: str, kind: str, role: str) -> Xml.Element:
    """A bus interface of Vivado's library ``group``."""
    bus = _add(parent, "busInterface")
    _add(bus, "name", name)
    for element, suffix in (("busType", ""), ("abstractionType", "_rtl")):
        names = {"vendor": "xilinx.com", "library": group, "name": kind + suffix, "version": "1.0"}
        _add(bus, element, **names)
    _add(bus, role)
    return bus


def _map_ports(bus: Xml.Element, ports: dict[str, str]) -> None:
    maps = _add(bus, "portMaps")
    for logical, physical in ports.items():
        one = _add(maps, "portMap")
        _add(_add(one, "logicalPort"), "name", logical)
        _add(_add(one, "physicalPort"), "name", physical)


def _add_register(block: Xml.Element, register: Register) -> None:
    one = _add(block, "register")
    _add(one, "name", register.name)
    _add(one, "description", register.description)
    _add(one, "addressOffset", f"{register.offset:#x}")
    _add(one, "size", 32)
    _add(one, "access", ACCESS[register.access])
    if register.reset is not None:
        _add(_add(one, "reset"), "value", f"{register.reset:#x}")
    for field in register.fields:
        part = _add(one, "field")
        _add(part, "name", field.name)
        _add(part, "description", field.description)
        _add(part, "bitOffset", field.low)
        _add(part, "bitWidth", field.width)
        if register.access is Access.W1C:
            _add(part, "modifiedWriteValue", "oneToClear")


def component(described: dict[str, Any], name: str) -> str:
    """``component.xml`` of the core that ``ports.json`` describes, called ``name``."""
    Xml.register_namespace("spirit", SPIRIT)
    root = Xml.Element(f"{{{SPIRIT}}}component")
    _identify(root, "nms", "sampler", name, "1.0")
    buses = _add(root, "busInterfaces")
    for bus in described["buses"]:
        kind, role = INTERFACES[bus["name"]]
        one = _add_interface(buses, bus["name"], "interface", kind, role)
        if bus["name"] == "s_axil":
            _add(one[-1], "memoryMapRef", memoryMapRef="registers")
        _map_ports(one, bus["signals"])
    for port, (kind, logical, parameters) in SIGNALS.items():
        one = _add_interface(buses, port, "signal", kind, "master" if port == "irq" else "slave")
        _map_ports(one, {logical: port})
        given = _add(one, "parameters")
        for key, value in parameters.items():
            parameter = _add(given, "parameter")
            _add(parameter, "name", key)
            _add(parameter, "value", value)
    memory = _add(_add(root, "memoryMaps"), "memoryMap")
    _add(memory, "name", "registers")
    block = _add(memory, "addressBlock")
    _add(block, "name", "registers")
    _add(block, "baseAddress", 0)
    _add(block, "range", 1 << ADDRESS_BITS)
    _add(block, "width", 32)
    for register in REGISTERS:
        _add_register(block, register)
    model = _add(root, "model")
    view = _add(_add(model, "views"), "view")
    _add(view, "name", "synthesis")
    _add(view, "envIdentifier", "verilogSource:vivado.xilinx.com:synthesis")
    _add(view, "language", "verilog")
    _add(view, "modelName", described["module"])
    _add(_add(view, "fileSetRef"), "localName", "rtl")
    ports = _add(model, "ports")
    for port in described["ports"]:
        one = _add(ports, "port")
        _add(one, "name", port["name"])
        wire = _add(one, "wire")
        _add(wire, "direction", {"input": "in", "output": "out"}[port["direction"]])
        if port["width"] > 1:
            vector = _add(wire, "vector")
            _add(vector, "left", port["width"] - 1)
            _add(vector, "right", 0)
    files = _add(_add(root, "fileSets"), "fileSet")
    _add(files, "name", "rtl")
    file = _add(files, "file")
    _add(file, "name", "sampler.v")
    _add(file, "fileType", "verilogSource")
    _add(root, "description", f"Near-memory sampler, digest {described['digest']}")
    Xml.indent(root, " ")
    return Xml.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
