# SPDX-License-Identifier: Apache-2.0
"""References in public docstrings lead to documented names: what the site's build demands, in seconds."""

from collections.abc import Iterator

import griffe
import pytest

from tests.conftest import ROOT
from tests.docs.test_hooks import docstrings


@pytest.fixture(scope="module")
def package() -> griffe.Module:
    loaded = griffe.load("nms", search_paths=[ROOT], try_relative_path=False)
    assert isinstance(loaded, griffe.Module)
    return loaded


def walk(obj: griffe.Object) -> Iterator[griffe.Object]:
    """An object and all public ones in it."""
    yield obj
    for name, member in obj.members.items():
        if isinstance(member, griffe.Object) and not name.startswith("_"):
            yield from walk(member)


def find_broken(package: griffe.Module, obj: griffe.Object) -> Iterator[str]:
    """References of one docstring to what does not exist or has no docstring."""
    for name in docstrings.ROLE.findall(obj.docstring.value if obj.docstring else ""):
        full = docstrings.resolve(obj, name)
        owner, _, last = full.removeprefix("nms.").rpartition(".")
        try:
            found = (package[owner] if owner else package).all_members[last]
        except KeyError:
            found = None
        if found is None or not found.has_docstring or "._" in full:
            yield f"{obj.path}: {name}"


def test_references_lead_to_documented_names(package: griffe.Module) -> None:
    objects = list(walk(package))
    assert sum(len(docstrings.ROLE.findall(o.docstring.value)) for o in objects if o.docstring) > 50
    assert [broken for obj in objects for broken in find_broken(package, obj)] == []


def test_a_broken_reference_is_found(package: griffe.Module) -> None:
    pe = package["rtl.array.pe.PE"]
    for text, broken in ((":class:`nms.rtl.array.pe.PE`", 0), (":class:`PE`", 0), (":class:`Pea`", 1)):
        probe = griffe.Function("probe", parent=pe, docstring=griffe.Docstring(text))
        assert len(list(find_broken(package, probe))) == broken, text
