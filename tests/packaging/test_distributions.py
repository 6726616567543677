# SPDX-License-Identifier: Apache-2.0
"""What the sdist and the wheels hold."""

import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.packaging.conftest import LAYERS, Built

OPENED = (
    "nms/py.typed",
    "nms/contract/contract.md",
    "nms/energy/system/parameters.toml",
    "nms/report/page.css",
    "nms/report/page.html.j2",
    "nms/report/page.js",
    "nms/rtl/export/fusesoc/nms_generator.core",
    "nms/rtl/export/templates/waivers.vlt",
    "nms/sim/verilator/loop.cpp",
    "nms/synth/baselines/tiny-generic.json",
    "nms/synth/cells/generic.lib",
    "nms/synth/cells/reset_to_enable.v",
)
"""Some of the files, beside modules, that the code opens."""


def wheel_files(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def wheel(built: Built) -> dict[str, bytes]:
    """The files of the wheel that was made from the sdist."""
    return wheel_files(built.wheel_of_sdist)


def test_the_only_top_level_name_is_nms(wheel: dict[str, bytes]) -> None:
    tops = {name.split("/")[0] for name in wheel}
    (metadata,) = (top for top in tops if top.endswith(".dist-info"))
    assert tops == {"nms", metadata}
    assert wheel[f"{metadata}/top_level.txt"].split() == [b"nms"]


def test_every_file_of_the_package_is_in_the_wheel_once(wheel: dict[str, bytes]) -> None:
    """Modules, and the data that the code opens: of ``nms``, the layers beside it, and examples it builds."""
    examples = {
        f"nms/soc/{link}/{file.relative_to(ROOT / 'examples' / folder).as_posix()}": file
        for link, folder in (("litex", "litex"), ("driver", "c"), ("software", "software"))
        for file in (ROOT / "examples" / folder).rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }
    tree = examples | {
        f"nms/{file.relative_to(folder).as_posix()}": file
        for folder, files in ((ROOT / "nms", "**/*"), *((ROOT, f"{layer}/**/*") for layer in LAYERS))
        for file in folder.glob(files)
        if file.is_file() and file.suffix != ".pyc" and not any(up.is_symlink() for up in file.parents)
    }
    assert len(tree) > 150
    assert tree.keys() >= set(OPENED)
    assert {name for name in wheel if name.startswith("nms/")} == tree.keys()
    assert all(wheel[name] == file.read_bytes() for name, file in tree.items())


def test_the_wheel_of_the_sdist_is_the_wheel_of_the_tree(built: Built, wheel: dict[str, bytes]) -> None:
    assert wheel == wheel_files(built.wheel_of_tree)


def test_the_sdist_holds_the_package_once(built: Built, wheel: dict[str, bytes]) -> None:
    """No second copy of a layer, no link, nothing that the wheel is not made of."""
    with tarfile.open(built.sdist) as archive:
        members = archive.getmembers()
    assert all(member.isfile() or member.isdir() for member in members)
    names = {member.name.partition("/")[2] for member in members if member.isfile()}
    own = {name for name in names if name.startswith("nms/")}
    assert own == {name for name in wheel if name.startswith("nms/")}
    assert {name.split("/")[0] for name in names - own} <= {
        "LICENSE", "MANIFEST.in", "PKG-INFO", "README.md", "nms.egg-info", "pyproject.toml", "setup.cfg"
    }  # fmt: skip
