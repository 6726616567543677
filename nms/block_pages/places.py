# SPDX-License-Identifier: Apache-2.0
"""Where the model, the testbench and the tests of a unit are."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def relate(path: Path) -> Path:
    """A path from the project's root on."""
    return path.relative_to(ROOT)


def find_testbench(unit: str) -> list[Path]:
    """The files of a unit's testbench."""
    files = sorted((ROOT / "sim" / "testbenches" / unit).glob("*.py"))
    return [file for file in files if file.name != "__init__.py"]


def find_tests(unit: str, files: list[Path]) -> list[Path]:
    """The tests with the name of a unit, and those of its files; ``tests`` mirrors the other folders."""
    named = {path for path in (ROOT / "tests").rglob(f"test_{unit}.py") if path.parent.name != "lean"}
    mirrored = {ROOT / "tests" / path.parent / f"test_{path.name}" for path in files}
    return sorted(named | {path for path in mirrored if path.exists()})


def find_models(file: Path) -> Iterator[Path]:
    """The golden models that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    for name in names:
        path = ROOT / "golden" / f"{name.removeprefix('nms.golden.').replace('.', '/')}.py"
        if name.startswith("nms.golden.") and path.exists():
            yield relate(path)
