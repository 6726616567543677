# SPDX-License-Identifier: Apache-2.0
"""Builds Verilog with Verilator, once for each text and set of flags, and runs a cocotb testbench on it.

What a simulation checks by itself, beside the testbench:

* Amaranth's ``Assert``: Yosys writes it as an immediate ``assert`` in an ``always`` block, which
  Verilator evaluates (``--assert``; emitted text has it under the macro ``NMS_ASSERT``). Use it as
  ``m.d.sync += Assert(condition, "message")``: a combinational one also sees values that have not
  settled. The message is printed, the run goes on to its end, and the outcome has failed.
* The stream protocol on every port of every module (:mod:`nms.sim.verilator.protocol`).
* Uninitialised values: quick builds draw them at random from the seed (Verilator knows no X).

Fast builds verilate a block that is placed many times once and call it (:mod:`nms.sim.verilator.cells`):
Verilator would otherwise copy it into the whole, which for 32 PEs is three times the C++ to compile.

Builds and runs are kept in :func:`nms.contract.cache.cache_directory`.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from nms.contract import cache
from nms.contract.cache import PACKAGE, cache_directory
from nms.contract.errors import ToolError, UserError
from nms.prerequisites import find_unusable
from nms.rtl.export.naming import restore_names
from nms.sim import process
from nms.sim.verilator import cells, protocol, tools
from nms.sim.verilator.context import VARIABLE, Context, Port

COMMON = ("--no-timing", "--assert", "-Wno-fatal", "-Wno-lint", "-Wno-style", "-Wno-MULTIDRIVEN")
QUICK = ("--x-assign", "unique", "--x-initial", "unique")
FAST = ("-O3", "--x-assign", "fast", "--x-initial", "fast")
COMPILER = {False: ("-O1", "-O0", "-O1"), True: ("-O2 -march=native", "-O0", "-O2")}
"""The C++ compiler's optimisation of quick and fast builds: the design, its set-up, Verilator's library."""

LONG = 5_000_000
"""Characters of Verilog, as the gates of a whole have, above which optimising takes longer than it saves."""

SHORT = 1_000_000
"""Characters of Verilog up to which the C++ compiler takes all files as one, which is half the work."""

RUNTIME = [f"verilated{part}.o" for part in ("", "_dpi", "_vpi", "_threads", "_random", "_vcd_c")]
"""Verilator's own objects, compiled once for each set of flags."""

LOOPED = "near_memory_sampler"
"""The module for which the plain loop around the model is built as well."""

LOOP = Path(__file__).with_name("loop.cpp")

JOBS = 4
"""Compilers that work at a time, at most."""

LEAST = 100_000
"""Bytes below which the disk is full: a simulation then ends without a word."""

RUNS = 100
"""Runs whose logs and waves are kept."""

_held: deque[int] = deque()
"""The runs of this process that no other removes."""

VERILATOR, COMPILE = "Verilator", "the C++ compiler"

ENTRIES = (
    "cocotb.logging:_configure",
    "cocotb._init:init_package_from_simulation",
    "cocotb.regression:_run_regression",
    "nms.sim.verilator.roll_call:list_tests",
)
"""What cocotb starts with: its own entry points, and then ours, when the testbench is loaded."""

PROBLEM = re.compile(r"^.*?%(?:Error|Warning)[^:]*:.*$", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What a simulation found. Truth value: no test and no assertion failed, and at least one test ran."""

    passed: int
    failed: int
    compared: int
    seconds_build: float
    seconds_run: float
    failures: list[str] = field(default_factory=list)
    log: Path | None = None
    waves: Path | None = None
    ports: dict[str, Port] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.passed > 0 and self.failed == 0


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]


def _tail(log: Path, lines: int = 40) -> str:
    text = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(text[-lines:])


def _cell(
    block: str,
    verilog: str,
    headers: dict[str, protocol.Header],
    work: Path,
    env: dict[str, str],
    optimised: list[str],
    log: Path,
) -> tuple[Path, Path]:
    """Build a block that is called: the C++ that calls it, its model's archive."""
    folder = work / block
    folder.mkdir()
    (folder / f"{block}.sv").write_text(cells.step_on_each_edge(protocol.select_reachable(verilog, block)))
    (folder / f"cell_{block}.cpp").write_text(cells.write_glue(headers[block]))
    verilator = str(Path(env["VERILATOR_ROOT"]) / "bin" / "verilator")
    options = [*COMMON, *FAST, "--flatten", "-DNMS_ASSERT=1", "--timescale", "1ns/1ps"]
    names = ["--prefix", f"V{block}", "--top-module", block]
    command = [verilator, "-cc", "-Mdir", str(folder), *names, *options, f"{block}.sv"]
    process.run(VERILATOR, command, folder, env, log)
    archive = folder / f"V{block}__ALL.a"
    command = ["make", "-C", str(folder), "-f", f"V{block}.mk", archive.name, *optimised]
    process.run(COMPILE, command, folder, env, log)
    return folder / f"cell_{block}.cpp", archive


def _compile(module: str, verilog: str, fast: bool, waves: bool, work: Path) -> None:
    """Leave the simulation of ``module`` as the program ``work / module``."""
    from cocotb_tools import config as cocotb

    control = work / "top.vlt"
    headers = protocol.parse_headers(verilog)
    ports = headers[module].ports
    apart = fast and not waves and protocol.WATCH not in verilog
    called = cells.select_cells(verilog, headers, protocol.find_repeated(verilog, module)) if apart else []
    control.write_text(
        "`verilator_config\n"
        + "".join(f'public_flat_rw -module "{module}" -var "{port}"\n' for port in ports)
    )
    design, checks = work / "design.sv", work / "checks.sv"
    design.write_text(
        cells.remove_modules(verilog, called, module)
        + "".join(cells.write_stand_in(headers[block]) for block in called)
    )
    checks.write_text(protocol.write_checkers(verilog))
    fast_c, slow_c, library = COMPILER[fast]
    if len(verilog) > LONG:
        fast_c = slow_c
    optimised = [f"OPT_FAST={fast_c}", f"OPT_SLOW={slow_c}", f"OPT_GLOBAL={library}"]
    log = work / "build.log"
    env = tools.environment()
    libraries = cocotb.libs_dir
    verilate = [str(Path(env["VERILATOR_ROOT"]) / "bin" / "verilator"), "-cc", "--exe", "-Mdir", str(work)]
    verilate += ["--top-module", module, "--prefix", "Vtop", "-o", module, "--vpi"]
    verilate += ["-LDFLAGS", f"-Wl,-rpath,{libraries} -L{libraries} -lcocotbvpi_verilator"]
    verilate += [*COMMON, *(FAST if fast else QUICK), "--timescale", "1ns/1ps", "-DNMS_ASSERT=1"]
    verilate += ["--trace", "--output-split", "20000", "--trace-underscore"] * waves
    verilate += [str(cocotb.share_dir / "lib" / "verilator" / "verilator.cpp")]
    verilate += [str(control), str(design)] + ([] if fast else [str(checks)])
    for block in called:
        glue, archive = _cell(block, verilog, headers, work, env, optimised, log)
        verilate += [str(glue), str(archive), "-CFLAGS", f"-I{archive.parent}"]
    process.run(VERILATOR, verilate, work, env, log)
    shelf = cache_directory() / ("runtime-" + _digest(_versions(), fast, waves))
    for name in RUNTIME:
        if (shelf / name).exists():
            shutil.copy(shelf / name, work / name)  # newer than the makefile, so make takes it as it is
    jobs = min(JOBS, os.cpu_count() or 1)
    parallel = f"VM_PARALLEL_BUILDS={int(len(verilog) > SHORT)}"
    make = ["make", "-j", str(jobs), "-C", str(work), "-f", "Vtop.mk", f"VM_TRACE={int(waves)}", parallel]
    make += optimised
    process.run(COMPILE, make, work, env, log)
    if module == LOOPED:
        _link_loop(work, called, env, log)
    shelf.mkdir(parents=True, exist_ok=True)
    for name in RUNTIME:
        if (work / name).exists() and not (shelf / name).exists():
            shutil.copy(work / name, shelf / (name + f".{os.getpid()}"))
            os.replace(shelf / (name + f".{os.getpid()}"), shelf / name)


def _link_loop(work: Path, called: list[str], env: dict[str, str], log: Path) -> None:
    """Link the objects of a built model with the plain loop instead of cocotb."""
    include = Path(env["VERILATOR_ROOT"]) / "include"
    objects = [name for name in RUNTIME if (work / name).exists()]
    cells_of = [part for block in called for part in (f"cell_{block}.o", f"{block}/V{block}__ALL.a")]
    command = ["c++", "-std=gnu++20", "-O2", "-I.", f"-I{include}", f"-I{include / 'vltstd'}", "-o", "loop"]
    command += [str(LOOP), "Vtop__ALL.a", *cells_of, *objects, "-pthread"]
    process.run(COMPILE, command, work, env, log)


def _versions() -> list[tuple[str, str | None, str | None]]:
    return [(tool.name, tool.version, tool.path) for tool in tools.require()]


def _built(module: str, verilog: str, fast: bool, waves: bool) -> Path:
    """The directory of the built simulation; builds it unless the cache has it."""
    recipe = [Path(file).read_text() for file in (__file__, protocol.__file__, cells.__file__, LOOP)]
    key = _digest(module, verilog, fast, waves, recipe, _versions())
    final = cache_directory() / key
    with cache.writing() as folder, cache.locked(folder / f"{key}.lock"):
        if not final.exists():
            with _workplace(folder) as (kept, work):
                _compile(module, verilog, fast, waves, work)
                for name in (module, "loop", "design.sv", "build.log"):
                    if (work / name).exists():
                        shutil.move(work / name, kept / name)
                os.replace(kept, final)
    return final


@contextmanager
def _workplace(folder: Path) -> Iterator[tuple[Path, Path]]:
    """A folder in the cache for what is kept, and one in which to build, where make knows its name.

    Both are removed afterwards or, if this process is killed, by the next build.
    """
    kept, held = cache.make_folder(folder / "building", "", keep=0)
    try:
        with tempfile.TemporaryDirectory(dir=None if find_unusable(str(kept)) else kept) as work:
            yield kept, Path(work)
    finally:
        shutil.rmtree(kept, ignore_errors=True)
        os.close(held)


def read_results(path: Path, log: str, wanted: Path) -> tuple[int, list[str]]:
    """Tests that passed, and a line for each that failed, or should have run and did not."""
    if not path.exists():
        raised = re.findall(r"^\w+(?:Error|Exception|Exit)\b.*$", log, re.MULTILINE)
        return 0, [": ".join(["the simulation ended before the testbench did", *raised[-1:]])]
    passed, failures, left = 0, [], json.loads(wanted.read_text())
    for case in ElementTree.parse(path).iter("testcase"):
        name = case.get("name")
        problem = case.find("failure")
        problem = case.find("error") if problem is None else problem
        if problem is not None:
            message = problem.get("message") or problem.get("error_msg") or problem.text or ""
            failures.append(f"{name}: {message.strip()}")
        elif case.find("skipped") is None:
            passed += 1
        if name in left:
            left.remove(name)
    failures += [f"{name}: did not run" for name in left]
    return passed, failures if passed or failures else ["no tests ran"]


def _make_environment(
    module: str, testbench: str, work: Path, context: Context, search: Sequence[Path]
) -> dict[str, str]:
    """What cocotb in the simulator and Python in it go by."""
    from cocotb_tools import config as cocotb

    mine = [str(path.resolve()) for path in (PACKAGE.parent, *search)]
    return tools.environment() | {
        VARIABLE: context.dump(),
        "PYTHONPATH": os.pathsep.join(mine + [path for path in sys.path if path and path not in mine]),
        "PYGPI_PYTHON_BIN": sys.executable,
        "PYGPI_USERS": ",".join(ENTRIES),
        "GPI_USERS": f"{tools.find_libpython()};{cocotb.pygpi_entry_point()}",
        "COCOTB_TOPLEVEL": module,
        "COCOTB_TEST_MODULES": testbench,
        "COCOTB_RESULTS_FILE": str(work / "results.xml"),
        "COCOTB_RANDOM_SEED": str(context.seed),
        "COCOTB_TEST_FILTER": context.pattern,
        "COCOTB_TRUST_INERTIAL_WRITES": "1",
        "COCOTB_ANSI_OUTPUT": "0",
        "TOPLEVEL_LANG": "verilog",
    }


def _run(program: Path, work: Path, arguments: Sequence[str], env: dict[str, str], log: Path) -> None:
    """Run a built simulation in the folder ``work``; what it prints goes to the file ``log``."""
    with log.open("w") as file:
        done = subprocess.run(
            [str(program), *arguments], cwd=work, env=env, stdout=file, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode == -signal.SIGKILL:  # of another end the results and the log tell
        raise process.make_error("the simulation", done.returncode, log.read_text(errors="replace"))


def count_compared(tally: Path) -> int:
    """How many values the scoreboards of a run have compared."""
    lines = tally.read_text().splitlines() if tally.exists() else []
    return sum(json.loads(line)["compared"] for line in lines)


def make_run_directory(module: str) -> Path:
    """A new directory for a run; of the older ones the newest :data:`RUNS` stay, and those in use.

    This process uses its own newest :data:`RUNS`: waves and logs are read after the run.
    """
    with cache.writing() as folder:
        work, number = cache.make_folder(folder / "runs", f"{module}-", RUNS)
    _held.append(number)
    if len(_held) > RUNS:
        os.close(_held.popleft())
    return work


def read(file: Path) -> str:
    """The text of a Verilog file, modules by their plain names; ``UserError`` if it cannot be read."""
    try:
        return restore_names(file.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: not a readable Verilog file ({error})") from None


def simulate(
    *,
    module: str,
    verilog: Path | str,
    testbench: str,
    parameters: dict[str, Any] | None = None,
    seed: int = 1,
    fast: bool = False,
    waves: bool = False,
    tests: list[str] | None = None,
    search: Sequence[Path] = (),
    plusargs: Sequence[str] = (),
) -> Outcome:
    """Run the cocotb tests of the Python module ``testbench`` on the Verilog module ``module``.

    Parameters
    ----------
    verilog
        The complete Verilog text, or the path of a file with it.
    parameters
        Handed to the testbench (:func:`nms.sim.verilator.context.parameters`); anything that JSON can hold.
    fast
        For long runs: a slow, optimising build without the protocol checkers.
    waves
        Trace the run to ``dump.vcd`` (``outcome.waves``).
    tests
        Run only the tests of these names; all by default.
    search
        Further directories in which the testbench module may lie.
    plusargs
        What the Verilog text asks for by ``$value$plusargs``, as ``+name=value``.

    Raises
    ------
    UserError
        A tool is missing; the file cannot be read or built, or it has no such module.
    ToolError
        The Verilog text does not build; the simulation was killed.
    """
    tools.require()
    file = verilog if isinstance(verilog, Path) else None
    text = verilog if isinstance(verilog, str) else read(verilog)
    header = protocol.parse_headers(text).get(module)
    if header is None:
        raise UserError(f"{file or 'the Verilog text'}: has no module {module!r}")
    started = time.monotonic()
    try:
        built = _built(module, protocol.select_reachable(text, module), fast, waves)
    except ToolError as error:
        found = re.match(r"%Error.*?: (?:\S+:\d+:\d+: )?(.*)$", error.complaint)
        if file is None or found is None:
            raise
        raise UserError(f"{file}: Verilator cannot build it: {found[1]}") from None
    seconds_build = time.monotonic() - started

    work = make_run_directory(module)
    log, tally, wanted = work / "testbench.log", work / "tally.jsonl", work / "tests.json"
    context = Context(
        seed=seed,
        tally=str(tally),
        wanted=str(wanted),
        tests=tests,
        parameters=parameters or {},
        ports=header.ports,
    )
    started = time.monotonic()
    arguments = ["--trace"] * waves
    arguments += [f"+verilator+seed+{seed % 0x7FFFFFFF + 1}", "+verilator+rand+reset+2"]
    arguments += ["+verilator+error+limit+1000000", *plusargs]
    env = _make_environment(module, testbench, work, context, search)
    held = cache.hold(built)
    try:
        with cache.writing():
            # cocotb loads pytest, which otherwise obeys the first pytest configuration in a folder above.
            (work / "pytest.ini").write_text("[pytest]\n")
            _run(built / module, work, arguments, env, log)
            if not (work / "results.xml").exists() and shutil.disk_usage(work).free < LEAST:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(held)
    seconds_run = time.monotonic() - started
    printed = log.read_text(errors="replace")
    passed, failures = read_results(work / "results.xml", printed, wanted)
    asserted = PROBLEM.findall(printed)
    if asserted:
        more = f" (and {len(asserted) - 1} more)" if len(asserted) > 1 else ""
        failures.append(f"assertion: {asserted[0].strip()}{more}")
    if failures:
        failures.append(f"seed {seed}; log: {log}\n{_tail(log)}")
    return Outcome(
        passed=passed,
        failed=max(len(failures) - 1, 0),
        compared=count_compared(tally),
        seconds_build=seconds_build,
        seconds_run=seconds_run,
        failures=failures,
        log=log,
        waves=work / "dump.vcd" if waves else None,
        ports=header.ports,
    )


def loop(verilog: str, fast: bool) -> Path:
    """The program of the plain loop (``sim/verilator/loop.cpp``) around the AXI system; errors as above.

    Its model is the one that :func:`simulate` runs: the same objects, linked with another main program.
    """
    tools.require()
    return _built(LOOPED, protocol.select_reachable(verilog, LOOPED), fast, waves=False) / "loop"
