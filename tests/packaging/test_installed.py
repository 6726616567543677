# SPDX-License-Identifier: Apache-2.0
"""The project beside folders of a user's own that are named as its layers are."""

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.packaging.conftest import HOSTILE, LAYERS, Built, Environment, install, make_environment

JOB = "--count 8 --perplexity 3 --iterations 4"

COMMANDS = {
    "run": f"run -c tiny --level rtl {JOB} -o out/run",
    "generate": "generate -c tiny -o out/generated",
    "check": "check prng",
    "synth": "synth -c tiny --unit prng -o out/synth",
}

FIT = """
import numpy
from nms import DESNESampler
from sklearn.datasets import load_digits

images = load_digits().data[:12]
sampler = DESNESampler(ratio=0.25, perplexity=3, iterations=4)
print(len(sampler.fit(images).sample_indices_))
"""

CALL = "import sys; from nms.cli import main; sys.argv = ['nms', *sys.argv[1:]]; main()"
"""The command, with the current folder first on the path of modules."""


def mark_slow(*slow: str) -> list[Any]:
    """All commands; those named are tests for ``make test-all``."""
    return [pytest.param(name, marks=pytest.mark.slow) if name in slow else name for name in COMMANDS]


def loaded(folder: Path) -> list[dict[str, Any]]:
    """What each Python process has loaded (``conftest.WITNESS``): its arguments, files by module."""
    return [json.loads(file.read_text()) for file in sorted(folder.iterdir())]


def is_project_file(file: str, home: Path) -> bool:
    """Whether a file is the project's, in the checkout or the environment ``home``."""
    return any(Path(file).is_relative_to(home / name) for name in ("nms", *LAYERS))


def twice(modules: dict[str, str], home: Path) -> list[list[str]]:
    """Names of modules that share a file of the project, but for ``__main__``."""
    names = defaultdict(list)
    for name, file in modules.items():
        if name != "__main__" and is_project_file(file, home):
            names[file].append(name)
    return [shared for shared in names.values() if len(shared) > 1]


def own(modules: dict[str, str]) -> dict[str, str]:
    """The project's modules, under the names by which they were loaded."""
    return {name: file for name, file in modules.items() if name.split(".")[0] == "nms"}


def check_modules(processes: Iterable[dict[str, Any]], home: Path) -> None:
    """Each of the project's modules comes from ``home``, under one name; none is the user's."""
    for process in processes:
        modules = process["modules"]
        assert not {name.split(".")[0] for name in modules} & set(HOSTILE)
        strange = {name: file for name, file in own(modules).items() if not is_project_file(file, home)}
        assert not strange, f"{process['argv']} loaded {strange}"
        assert not twice(modules, home)


def run(environment: Environment, command: str, folder: Path) -> list[dict[str, Any]]:
    """Run a command; what its processes have loaded."""
    folder.mkdir()
    program = [environment.python, "-c", CALL]
    if (script := environment.python.with_name("nms")).exists():
        program = [script]
    done = environment.run(*program, *COMMANDS[command].split(), modules_of=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return loaded(folder)


def check_simulated(processes: list[dict[str, Any]], testbench: str, home: Path) -> None:
    """One process was the simulation: it had the testbench, and the project's own modules."""
    (simulation,) = (process for process in processes if testbench in process["modules"])
    assert Path(simulation["modules"]["nms"]) == home / "nms" / "__init__.py"
    assert len(own(simulation["modules"])) > 10


def test_the_environment_has_the_wheel(installed: Environment) -> None:
    """Neither the checkout nor the editable install of the environment that runs the tests."""
    done = installed.run(installed.python, "-c", "import nms, sys; print(nms.__file__, *sys.path, sep='\\n')")
    file, *path = done.stdout.split()
    assert file == str(installed.site / "nms" / "__init__.py")
    assert str(ROOT) not in path


@pytest.mark.parametrize("name", HOSTILE)
def test_the_folders_of_the_user_are_hostile(installed: Environment, name: str) -> None:
    done = installed.run(installed.python, "-c", f"import {name}")
    assert f"the user's own {name}" in done.stderr


def test_a_script_fits_with_the_wheel(installed: Environment, tmp_path: Path) -> None:
    script = installed.work / "script.py"
    script.write_text(FIT)
    done = installed.run(installed.python, script, modules_of=tmp_path)
    assert done.stdout.split() == ["3"], done.stderr
    check_modules(loaded(tmp_path), installed.site)


@pytest.mark.parametrize("command", mark_slow("generate"))
def test_a_command_of_the_wheel(installed: Environment, tmp_path: Path, command: str) -> None:
    processes = run(installed, command, tmp_path / "modules")
    check_modules(processes, installed.site)
    if command == "run":
        check_simulated(processes, "nms.sim.testbenches.jobs.axi", installed.site)
    if command == "check":
        check_simulated(processes, "nms.sim.testbenches.prng.tests", installed.site)


@pytest.mark.parametrize("command", mark_slow("run", "generate", "synth"))
def test_a_command_of_the_checkout(checkout: Environment, tmp_path: Path, command: str) -> None:
    processes = run(checkout, command, tmp_path / "modules")
    check_modules(processes, ROOT)
    if command == "check":
        check_simulated(processes, "nms.sim.testbenches.prng.tests", ROOT)


def test_a_script_fits_with_the_checkout(checkout: Environment, tmp_path: Path) -> None:
    script = checkout.work / "script.py"
    script.write_text(FIT)
    done = checkout.run(checkout.python, script, modules_of=tmp_path)
    assert done.stdout.split() == ["3"], done.stderr
    check_modules(loaded(tmp_path), ROOT)


def test_a_module_under_two_names_is_seen(checkout: Environment, tmp_path: Path) -> None:
    """With the checkout itself first on the path, a layer can be imported by the name of its folder."""
    code = "import nms.contract.errors, contract.errors"
    done = checkout.run(checkout.python, "-P", "-c", code, PYTHONPATH=str(ROOT), modules_of=tmp_path)
    assert done.returncode == 0, done.stderr
    (process,) = loaded(tmp_path)
    assert ["nms.contract.errors", "contract.errors"] in twice(process["modules"], ROOT)
    with pytest.raises(AssertionError):
        check_modules([process], ROOT)


def test_modules_of_the_checkout_name_their_real_files(checkout: Environment) -> None:
    code = "import nms.rtl.array.pe, nms.cli; print(nms.rtl.array.pe.__file__, nms.cli.__file__)"
    done = checkout.run(checkout.python, "-c", code)
    assert done.stdout.split() == [str(ROOT / "rtl" / "array" / "pe.py"), str(ROOT / "nms" / "cli.py")]


def test_a_traceback_names_the_real_file(checkout: Environment) -> None:
    done = checkout.run(checkout.python, "-c", "from nms.contract.config import load; load('none')")
    assert f'File "{ROOT / "contract" / "config.py"}", line' in done.stderr


def test_coverage_names_the_real_files(checkout: Environment, tmp_path: Path) -> None:
    """But for the few lines by which a layer's package finds its real folder."""
    script, data = tmp_path / "script.py", f"--data-file={tmp_path / 'data'}"
    script.write_text("import nms.rtl.array.pe, nms.contract.errors\n")
    checkout.run(checkout.python, "-m", "coverage", "run", data, f"--source={ROOT}", script)
    checkout.run(checkout.python, "-m", "coverage", "json", data, "-o", tmp_path / "report.json")
    files = {
        Path(checkout.work, file).resolve(strict=True): Path(checkout.work, file)
        for file, found in json.loads((tmp_path / "report.json").read_text())["files"].items()
        if found["summary"]["covered_lines"]
    }
    assert ROOT / "rtl" / "array" / "pe.py" in files
    assert all(
        named.parent.is_symlink() and named.name == "__init__.py"
        for real, named in files.items()
        if named != real
    )


def test_the_cache_of_what_is_installed(
    installed: Environment, checkout: Environment, tmp_path: Path
) -> None:
    """``$NMS_CACHE``, else the user's cache folder or, of a checkout, its own."""
    code = "from nms.sim.verilator.runner import cache_directory; print(cache_directory())"

    def cache(environment: Environment, **variables: str) -> str:
        given = {"NMS_CACHE": "", "XDG_CACHE_HOME": "", "HOME": str(tmp_path)} | variables
        return environment.run(environment.python, "-c", code, **given).stdout.strip()

    assert cache(installed) == str(tmp_path / ".cache" / "nms")
    assert cache(installed, XDG_CACHE_HOME="/elsewhere") == "/elsewhere/nms"
    assert cache(installed, NMS_CACHE="/named") == "/named"
    assert cache(checkout) == str(ROOT / ".nms" / "build")


@pytest.mark.slow
def test_the_main_job_in_an_environment_from_the_registry(built: Built, tmp_path: Path) -> None:
    """All that the wheel asks for, and nothing else: the job of ``make demo``."""
    environment = make_environment(tmp_path / "environment", third_party=False)
    install(environment, f"{built.wheel_of_sdist}[simulation]")
    job = "run -c tiny --data digits --count 16 --perplexity 5 --ratio 0.3 --level rtl -o out/demo"
    for words in (job, "report out/demo"):
        program = environment.python.with_name("nms")
        done = environment.run(program, *words.split(), NMS_CACHE=str(tmp_path / "cache"))
        assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads((environment.work / "out" / "demo" / "results.json").read_text())
    assert figures["mismatches"] == 0
    assert figures["compared"] > 500
