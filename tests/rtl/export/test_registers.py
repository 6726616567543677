# SPDX-License-Identifier: Apache-2.0
"""The registers as data, and the texts that are made from them."""

import asyncio
import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from nms.contract.config import PRESETS, LeanConfig, load, load_published
from nms.contract.registers import ADDRESS_BITS, BY_NAME, REGISTERS, constants, result_offsets
from nms.contract.settings import LeanSettings
from nms.rtl.export import registers
from nms.sim.models.driver import Driver, JobDescriptor, make_lists

C = registers.ROOT / "examples" / "c"


def test_offsets_and_fields_do_not_overlap() -> None:
    offsets = [register.offset for register in REGISTERS]
    assert offsets == sorted(set(offsets))
    assert offsets[-1] < 1 << ADDRESS_BITS
    assert len(BY_NAME) == len(REGISTERS)
    for register in REGISTERS:
        assert register.offset % 4 == 0
        assert register.mask.bit_count() == sum(field.width for field in register.fields)
        assert register.mask < 1 << 32
        assert (register.reset or 0) & ~register.mask == 0


def test_constants_name_the_configuration() -> None:
    for config in PRESETS.values():
        values = constants(config)
        assert f"{values['digest_hi'] << 32 | values['digest_lo']:012x}" == config.digest
        assert {name for name, r in BY_NAME.items() if r.reset is None} <= values.keys()
        assert all(value < 1 << 32 for value in values.values())


@pytest.mark.parametrize("name", list(registers.FILES))
def test_texts_of_the_project_are_fresh(name: str) -> None:
    assert (registers.ROOT / name).read_text() == registers.FILES[name]()


def test_systemrdl_compiles_to_the_same_registers(tmp_path: Path) -> None:
    systemrdl = pytest.importorskip("systemrdl")
    path = tmp_path / "registers.rdl"
    path.write_text(registers.systemrdl())
    compiler = systemrdl.RDLCompiler()
    compiler.compile_file(str(path))
    nodes = list(compiler.elaborate().top.children())
    found = [(node.inst_name, node.address_offset) for node in nodes]
    assert found == [(register.name, register.offset) for register in REGISTERS]
    for node, register in zip(nodes, REGISTERS, strict=True):
        assert [(f.inst_name, f.low, f.width) for f in node.fields()] == [
            (f.name, f.low, f.width) for f in register.fields
        ]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The C example as a shared library."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("no gcc")
    path = tmp_path_factory.mktemp("c") / "job.so"
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, "-o", str(path), str(C / "job.c"), "-lm"], check=True)
    return ctypes.CDLL(str(path))


@pytest.mark.parametrize(
    ("compiler", "standards"),
    [("gcc", ["c89", "c99", "c11"]), ("g++", ["c++98", "c++11", "c++20"])],
)
def test_the_headers_are_of_every_standard(compiler: str, standards: list[str], tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler}")
    (tmp_path / "nms_registers.h").write_text(registers.header())
    (tmp_path / "job.h").write_text((C / "job.h").read_text())
    language = "c" if compiler == "gcc" else "c++"
    text = '#include "nms_registers.h"\n#include "job.h"\nunsigned v = NMS_LOWEST(NMS_ARRAY_LANES);\n'
    for standard in standards:
        flags = [f"-std={standard}", "-x", language, "-pedantic", "-Wall", "-Wextra", "-Werror"]
        command = [compiler, *flags, "-fsyntax-only", "-I", str(tmp_path), "-"]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{standard}: {done.stderr}"


class Job(ctypes.Structure):
    """``struct nms_job``."""

    _fields_ = [
        *((name, ctypes.c_uint32) for name in ("count", "pixels", "keep")),
        ("perplexity", ctypes.c_double),
        *((name, ctypes.c_uint32) for name in ("iterations", "seed", "search")),
        *((name, ctypes.c_uint32) for name in ("batches", "image_stride", "batch_stride", "result_stride")),
        *((name, ctypes.c_uint64) for name in ("image_base", "result_base")),
        ("send_images", ctypes.c_int),
        ("use_lists", ctypes.c_int),
        ("list_stride", ctypes.c_uint32),
        ("list_base", ctypes.c_uint64),
        *((name, ctypes.c_uint32) for name in ("height", "width", "channels", "side")),
        *((name, ctypes.c_int) for name in ("planes", "grey")),
        *((name, ctypes.c_uint32) for name in ("pick", "evaluations", "threshold", "window")),
        ("across", ctypes.c_int),
    ]  # fmt: skip


def make_memory(preset: str, *overrides: str) -> "ctypes.Array[ctypes.c_uint32]":
    """Registers as they are after the reset of a preset's hardware, with overrides."""
    memory = (ctypes.c_uint32 * 1024)()
    for name, value in constants(load(preset, overrides)).items():
        memory[BY_NAME[name].offset // 4] = value
    return memory


def test_the_c_example_writes_the_registers(library: ctypes.CDLL) -> None:
    memory = make_memory("paper")
    job = Job(count=64, pixels=3072, keep=19, perplexity=15.0, iterations=300, seed=7, search=3, batches=2,
              image_stride=3072, batch_stride=3072 * 64, result_stride=4096, send_images=1,
              image_base=1 << 33, result_base=1 << 34)  # fmt: skip
    assert library.nms_fits(memory, ctypes.byref(job))
    library.nms_start(memory, ctypes.byref(job))
    fraction = load_published("paper").profile.perplexity.fraction
    expected = {
        "count": 64, "keep": 19, "target_hi": 15 << fraction >> 32, "exaggerated": 12, "search": 3,
        "image_base_hi": 2, "result_base_hi": 4, "result_stride": 4096, "options": 3, "control": 1,
    }  # fmt: skip
    for name, value in expected.items():
        assert memory[BY_NAME[name].offset // 4] == value, name
    job.pick = 2
    assert not library.nms_fits(memory, ctypes.byref(job))
    assert library.nms_fits(make_memory("paper", "picks=1"), ctypes.byref(job))
    job.count, job.pick = 65, 0
    assert not library.nms_fits(memory, ctypes.byref(job))


def test_the_c_example_writes_what_the_driver_writes(library: ctypes.CDLL) -> None:
    """Of a job by lists, with reduced images and a lean map."""
    config = load("lean")
    assert isinstance(config, LeanConfig)
    settings = LeanSettings.make(
        config, 50, (30, 40, 3), seed=9, pick="hub", side=4, evaluations=5, perplexity=11.3, grey=True,
        threshold=8, window=9, across=True,
    )  # fmt: skip
    places = {
        "image_base": 3 << 32, "image_stride": 3600, "batches": 7, "batch_stride": 1 << 20,
        "result_base": 5 << 32, "result_stride": 2048, "list_base": 9 << 32, "list_stride": 208,
    }  # fmt: skip
    memory, wanted = make_memory("lean"), make_memory("lean")
    job = Job(count=50, pixels=3600, keep=15, perplexity=11.3, iterations=48, seed=9, use_lists=1,
              send_images=1, height=30, width=40, channels=3, side=4, grey=1, pick=2, evaluations=5,
              threshold=8, window=9, across=1, **places)  # fmt: skip
    assert library.nms_fits(memory, ctypes.byref(job))
    library.nms_start(memory, ctypes.byref(job))

    class Registers:
        async def read(self, offset: int) -> int:
            return wanted[offset // 4]

        async def write(self, offset: int, value: int) -> None:
            wanted[offset // 4] = value

        async def interrupt(self) -> None:
            raise NotImplementedError

    asyncio.run(Driver(Registers()).start(JobDescriptor(settings, **places)))
    known = {BY_NAME[name].offset // 4 for name in ("irq_status", "irq_enable")}
    differ = [r.name for r in REGISTERS if memory[r.offset // 4] != wanted[r.offset // 4]]
    assert {BY_NAME[name].offset // 4 for name in differ} <= known
    assert wanted[BY_NAME["duplicates"].offset // 4] == 8 | 9 << 8 | 1 << 24
    for name, value in (("side", 16), ("window", 17)):
        changed = Job.from_buffer_copy(job)
        setattr(changed, name, value)
        assert not library.nms_fits(memory, ctypes.byref(changed))


@pytest.mark.parametrize("preset", PRESETS)
def test_a_narrow_bus_has_no_upper_halves_of_addresses(preset: str) -> None:
    wide, narrow = load(preset), load(preset, ["address_bits=32"])
    missing = {r.name for r in REGISTERS if r.exists(wide) and not r.exists(narrow)}
    assert missing == {f"{name}_hi" for name in ("image_base", "result_base", "list_base", "error_address")}
    assert constants(wide)["method"] | 1 << 26 == constants(narrow)["method"] != constants(wide)["method"]


@pytest.mark.parametrize(
    ("name", "lists"),
    [
        ("image_base", False),
        ("result_base", False),
        ("image_base", True),
        ("result_base", True),
        ("list_base", True),
    ],
)
def test_a_job_beyond_the_addresses_is_refused(library: ctypes.CDLL, name: str, lists: bool) -> None:
    """By the driver in C as by that in Python, which writes nothing; one that ends with them is not."""
    config = load("lean", ["address_bits=32"])
    settings = LeanSettings.make(config, 50, (30, 40, 3), pick="hub", ratio=0.3)
    memory = make_memory("lean", "address_bits=32")
    strides = {"image_stride": 3600, "batch_stride": 200_000, "result_stride": 2048, "list_stride": 208}
    bases = {"image_base": 0, "result_base": 0} | ({"list_base": 0} if lists else {})

    class Registers:
        async def read(self, offset: int) -> int:
            return memory[offset // 4]

        async def write(self, offset: int, value: int) -> None:
            raise PermissionError

        async def interrupt(self) -> None:
            raise NotImplementedError

    length = JobDescriptor(settings, batches=7, **strides, **bases).ends()[name]
    for base, fits in (((1 << 32) - length, True), ((1 << 32) - length + 1, False), (1 << 32, False)):
        given = {"batches": 7} | strides | bases | {name: base}
        job = Job(count=50, pixels=3600, keep=15, side=4, height=30, width=40, channels=3, pick=2,
                  use_lists=lists, **given)  # fmt: skip
        assert library.nms_fits(memory, ctypes.byref(job)) == fits
        assert library.nms_fits(make_memory("lean"), ctypes.byref(job))
        with pytest.raises(PermissionError if fits else ValueError):
            asyncio.run(Driver(Registers()).start(JobDescriptor(settings, **given)))


def test_groups_of_one_class(library: ctypes.CDLL) -> None:
    """Every image is in one group, of its class and of no more than asked for; in C as in Python."""
    labels = np.random.default_rng(5).integers(0, 6, 400).astype(np.uint32)
    labels[labels == 4] = 0
    labels[:2] = 4
    lists = make_lists(labels, 32)
    assert sorted(np.concatenate([one.ravel() for one in lists.values()])) == list(range(400))
    groups = [group.tolist() for one in lists.values() for group in one]
    assert all(len(set(labels[group])) == 1 for group in groups)
    assert [size for size in lists if size < 16] == [2]
    assert max(lists) <= 32
    numbers, sizes = np.zeros(400, np.uint32), np.zeros(400, np.uint32)
    made = library.nms_make_lists(
        labels.ctypes.data_as(ctypes.c_void_p), 400, 6, 32,
        numbers.ctypes.data_as(ctypes.c_void_p), sizes.ctypes.data_as(ctypes.c_void_p),
    )  # fmt: skip
    found = [group.tolist() for group in np.split(numbers, np.cumsum(sizes[:made]))[:-1]]
    assert sorted(found) == sorted(groups)


def test_the_c_example_finds_the_results(library: ctypes.CDLL) -> None:
    job = Job(count=8, keep=3, result_stride=512)
    for name, place in (("nms_kept", 0), ("nms_points", 1), ("nms_rows", 2)):
        function = getattr(library, name)
        function.restype = ctypes.c_size_t
        points, rows, _ = result_offsets(8, 3)
        assert function(ctypes.c_size_t(4096), ctypes.byref(job), 2) == 4096 + 1024 + (0, points, rows)[place]
