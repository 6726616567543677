# SPDX-License-Identifier: Apache-2.0
"""An sdist and two wheels of this tree, and environments outside the checkout to run them in."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from nms.contract.cache import cache_directory
from tests.conftest import ROOT

LAYERS = ("contract", "golden", "rtl", "sim", "synth", "energy")

HOSTILE = (*LAYERS, "tests")
"""Names that a user's own folders may have."""

WITNESS = """
import atexit, json, os, sys

wanted = os.path.join(os.path.dirname(__file__), "modules_of")

def write(folder):
    files = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
    modules = {name: os.path.realpath(file) for name, file in files.items() if file}
    path = os.path.join(folder, f"{os.getpid()}.json")
    with open(path, "w") as file:
        json.dump({"argv": sys.orig_argv, "modules": modules}, file)

if os.path.exists(wanted):
    with open(wanted) as file:
        atexit.register(write, file.read())
"""
"""At its end, each Python process of an environment writes which modules it has loaded, and from where.

The folder to write to is in a file, since few variables reach the processes that the project starts.
"""


@dataclass(frozen=True)
class Built:
    """The distributions: the sdist, the wheel made from it, the wheel made from the tree."""

    sdist: Path
    wheel_of_sdist: Path
    wheel_of_tree: Path


@dataclass(frozen=True)
class Environment:
    """A virtual environment outside the checkout, and the folder in which its user works.

    The third-party packages are those of the environment that runs the tests, after its own.
    """

    python: Path
    site: Path
    work: Path

    def run(
        self, *command: str | Path, modules_of: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the hostile folder, which is on ``PYTHONPATH`` as well.

        Its processes write their modules to the folder ``modules_of``.
        """
        wanted = self.site / "modules_of"
        wanted.unlink(missing_ok=True)
        if modules_of is not None:
            wanted.write_text(str(modules_of))
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV_", "COVERAGE"))}
        inherited |= {"NMS_CACHE": str(cache_directory())}  # so that nothing is written outside the checkout
        path = os.pathsep.join([str(self.python.parent), inherited.get("PATH", os.defpath)])
        return subprocess.run(
            list(map(str, command)),
            cwd=self.work,
            env=inherited | {"PYTHONPATH": str(self.work), "PATH": path} | variables,
            capture_output=True,
            text=True,
            check=False,
        )


def make_environment(folder: Path, third_party: bool = True) -> Environment:
    """A fresh environment without the project, and a hostile folder to work in."""
    folder.mkdir(parents=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(subprocess.check_output([python, "-c", asked], text=True).strip())
    if third_party:  # as mere folders: what their own .pth files would do, an editable install, is not done
        found = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
        (site / "third_party.pth").write_text("\n".join(found) + "\n")
    (site / "witness.py").write_text(WITNESS)
    (site / "witness.pth").write_text("import witness\n")
    work = folder / "work"
    for name in HOSTILE:
        (work / name).mkdir(parents=True)
        (work / name / "__init__.py").write_text(f"raise ImportError('the user\\'s own {name}')\n")
    return Environment(python, site, work)


def install(environment: Environment, wheel: Path | str, *options: str) -> None:
    """Install a wheel by the pip of the environment that runs the tests."""
    command = [sys.executable, "-m", "pip", "--python", environment.python, "install", "--quiet"]
    subprocess.run([*command, "--disable-pip-version-check", *options, wheel], check=True)


def build(what: str, tree: Path, output: Path) -> Path:
    """What pip calls to build a ``wheel`` or ``sdist``, in ``tree``."""
    output.mkdir(exist_ok=True)
    code = f"from setuptools import build_meta; build_meta.build_{what}({str(output)!r})"
    done = subprocess.run([sys.executable, "-c", code], cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = output.iterdir()
    return built


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """All three, built in a copy: a build writes into its tree, and an older one's remains must not count."""
    folder = tmp_path_factory.mktemp("built")
    kept_out = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "out", "site")
    shutil.copytree(ROOT, folder / "tree", symlinks=True, ignore=kept_out)
    sdist = build("sdist", folder / "tree", folder / "sdist")
    with tarfile.open(sdist) as archive:
        # before Python 3.11.4 there are no filters, and what was built here needs none
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, path: member)
        archive.extractall(folder / "unpacked")
    (unpacked,) = (folder / "unpacked").iterdir()
    shutil.rmtree(folder / "tree" / "nms.egg-info")
    return Built(
        sdist,
        build("wheel", unpacked, folder / "wheel_of_sdist"),
        build("wheel", folder / "tree", folder / "wheel_of_tree"),
    )


@pytest.fixture(scope="session")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the wheel that was made from the sdist."""
    environment = make_environment(tmp_path_factory.mktemp("installed") / "environment")
    install(environment, built.wheel_of_sdist, "--no-deps", "--no-index")
    return environment


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment that uses this checkout in place, as an editable install does."""
    environment = make_environment(tmp_path_factory.mktemp("checkout") / "environment")
    (environment.site / "checkout.pth").write_text(f"{ROOT}\n")
    return environment
