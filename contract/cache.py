# SPDX-License-Identifier: Apache-2.0
"""The folder in which builds, emitted texts, runs and the logs of tools that failed are kept.

A folder in it that a process still uses is locked by that process, and is removed by no other.
"""

import errno
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import nms
from nms.contract.errors import ToolError, UserError, is_refusal
from nms.prerequisites import find_unusable

PACKAGE = Path(nms.__file__).resolve().parent
"""The folder of the package, in a checkout or where it is installed."""

LOGS = 100
"""Logs of failures that are kept."""

KINDS = {
    "builds": ("[0-9a-f]" * 16, "runtime-*"),
    "systems": tuple(f"{kind}/{'[0-9a-f]' * 24}" for kind in ("systems", "models", "programs")),
    "netlists": ("netlist-*", "reference-*"),
    "texts": ("designs", "verilog"),
    "runs": ("runs/[!.]*",),
    "logs": ("failed/*",),
    "tools": ("tools/*",),
    "unfinished": ("building/[!.]*", "building-*", "built-*", "tmp*"),
}
"""What is in the cache, by the patterns of its names."""


LOCK = ".lock"
"""The file in a folder by which it is locked."""

TOOLS = ("wasmtime", "YoWASP")
"""What Yosys and nextpnr make in a cache."""


def cache_directory() -> Path:
    """Where builds and runs are kept: ``$NMS_CACHE``, the checkout's ``.nms/build`` or the user's cache."""
    if given := os.environ.get("NMS_CACHE"):
        return Path(given).expanduser().absolute()
    if (PACKAGE.parent / "pyproject.toml").exists():
        return PACKAGE.parent / ".nms" / "build"
    return _user_cache() / "nms"


def _user_cache() -> Path:
    home = Path(os.environ.get("XDG_CACHE_HOME", ""))  # not valid unless it is absolute
    if home.is_absolute():
        return home
    try:
        return Path.home() / ".cache"
    except RuntimeError:
        raise UserError("cache: there is no home directory; name a folder in NMS_CACHE") from None


def find_tool_cache() -> dict[str, str]:
    """The variables by which Yosys and nextpnr find where they can keep what they compile of themselves.

    None, if the user's own cache will do.

    Raises
    ------
    UserError
        Neither that nor this cache can be written.
    """
    own = cache_directory() / "tools"
    places: list[tuple[Path, dict[str, str]]] = [(own, {"XDG_CACHE_HOME": str(own)})]
    with suppress(UserError):
        places.insert(0, (_user_cache(), {}))
    for place, variables in places:
        if all(_is_usable(place / tool) for tool in TOOLS):
            return variables
    tried = " nor in ".join(repr(str(place)) for place, _ in places)
    raise UserError(f"cache: Yosys can keep itself neither in {tried}; name another folder in NMS_CACHE")


def _is_usable(folder: Path) -> bool:
    """Whether a folder is there, or can be made."""
    around = next(entry for entry in (folder, *folder.parents) if entry.exists())
    return around == folder or os.access(around, os.W_OK | os.X_OK)


@contextmanager
def writing() -> Iterator[Path]:
    """The cache's folder, made if it is missing, to write in.

    Raises
    ------
    UserError
        The machine refuses: the disk is full or read-only, there is no permission. Names ``NMS_CACHE``.
    """
    folder = cache_directory()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    except ToolError as error:
        if os.strerror(errno.ENOSPC) in f"{error.complaint} {error.last}":
            raise UserError(
                f"cache {str(folder)!r}: {error.tool} {error.ended}: {os.strerror(errno.ENOSPC)}; "
                "name folders with room in NMS_CACHE and TMPDIR"
            ) from None
        raise
    except OSError as error:
        if not is_refusal(error):
            raise
        raise UserError(
            f"cache {str(folder)!r}: {error.strerror or error}; name another folder in NMS_CACHE"
        ) from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Alone among the processes that lock ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def hold(folder: Path) -> int:
    """Keep a folder from being removed until the file descriptor returned is closed, or the process ends.

    What is locked is a file in it: on network file systems a folder cannot be.
    """
    number = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT)
    fcntl.flock(number, fcntl.LOCK_SH)
    return number


def _is_held(folder: Path) -> bool:
    try:
        number = os.open(folder / LOCK, os.O_RDWR)
    except PermissionError:  # of another user
        return True
    except OSError:
        return False
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(number)
    return False


def make_folder(shelf: Path, prefix: str, keep: int) -> tuple[Path, int]:
    """Make a folder on a shelf, and hold it (:func:`hold`).

    Of the others there that nobody holds, the newest ``keep`` stay.
    """
    with locked(shelf / LOCK):
        others = sorted(shelf.glob("[!.]*"), key=os.path.getmtime)
        for other in others[: len(others) - keep] if keep < len(others) else []:
            if not _is_held(other):
                shutil.rmtree(other, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=shelf))
        return folder, hold(folder)


def store(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` write a file, then move it to ``path`` in the cache, whole or not at all.

    Raises
    ------
    UserError
        See :func:`writing`.
    """
    with writing():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="tmp", dir=path.parent) as folder:
            write(Path(folder) / path.name)
            os.replace(Path(folder) / path.name, path)


@dataclass(frozen=True)
class Shelf:
    """What the cache has of one kind: how many entries, and their bytes."""

    kind: str
    entries: int
    size: int


def measure() -> list[Shelf]:
    """What the cache has, by kind."""
    return [Shelf(kind, len(found), sum(map(_measure, found))) for kind, found in _list_entries()]


def clean() -> list[Shelf]:
    """Remove what no process uses; what was removed, by kind."""
    shelves = []
    with ExitStack() as alone:
        for lock in cache_directory().glob(f"*/{LOCK}"):  # of :func:`make_folder`
            alone.enter_context(locked(lock))
        for kind, found in _list_entries():
            free = [entry for entry in found if not (entry.is_dir() and _is_held(entry))]
            shelves.append(Shelf(kind, len(free), sum(map(_measure, free))))
            for entry in free:
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry, ignore_errors=True)
                else:
                    entry.unlink(missing_ok=True)
    return shelves


def _list_entries() -> Iterator[tuple[str, list[Path]]]:
    for kind, patterns in KINDS.items():
        yield kind, sorted(entry for pattern in patterns for entry in cache_directory().glob(pattern))


def _measure(entry: Path) -> int:
    """The bytes of a file, or of all files in a folder; of those that vanish meanwhile, none."""
    size = 0
    for path in [entry, *(entry.rglob("*") if entry.is_dir() else [])]:
        with suppress(OSError):
            size += path.lstat().st_size if not path.is_dir() else 0
    return size


def keep_log(tool: str, text: str) -> Path:
    """Keep what ``tool`` printed before it failed; of the older logs the newest :data:`LOGS` stay.

    Where the cache cannot be written, the log goes to the folder for temporary files.
    """
    name = re.sub(r"\W+", "-", tool).strip("-")
    try:
        logs = cache_directory() / "failed"
        logs.mkdir(parents=True, exist_ok=True)
        for old in sorted(logs.iterdir(), key=os.path.getmtime)[:-LOGS]:
            old.unlink(missing_ok=True)
        return _write_log(logs, name, text)
    except (OSError, UserError):
        return _write_log(Path(tempfile.gettempdir()), f"nms-{name}", text)


def _write_log(folder: Path, name: str, text: str) -> Path:
    number, path = tempfile.mkstemp(prefix=f"{name}-", suffix=".log", dir=folder)
    with os.fdopen(number, "w", errors="backslashreplace") as file:
        file.write(text)
    return Path(path)


def _digest(key: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in key:
        digest.update(len(part).to_bytes(8, "little") + part.encode())
    return digest.hexdigest()[:24]


def load_or_make(kind: str, key: Iterable[str], make: Callable[[], str]) -> str:
    """The text that ``make`` returned for this ``key``, or returns now.

    ``kind`` names the folder; ``key`` is everything that the text depends on. A text is stored whole
    or, where the cache cannot be written, not at all.
    """
    path = cache_directory() / kind / _digest(key)
    with suppress(OSError):
        return path.read_text()
    text = make()
    with suppress(UserError):
        store(path, lambda file: file.write_text(text))
    return text


def load_or_build(kind: str, key: Iterable[str], build: Callable[[Path], None]) -> Path:
    """The folder that ``build`` filled for this ``key``, or fills now; whole or not there.

    ``kind`` and ``key`` as of :func:`load_or_make`. Of several processes that want a folder, one builds it.

    Raises
    ------
    UserError
        See :func:`writing`; or nothing can be built in the cache, by its path.
    """
    final = cache_directory() / kind / _digest(key)
    with writing() as folder, locked(final.with_suffix(".lock")):
        if not final.exists():
            if character := find_unusable(str(folder)):
                raise UserError(
                    f"cache {str(folder)!r}: make and the linker build nothing in a path with {character!r}; "
                    "name another folder in NMS_CACHE"
                )
            work, held = make_folder(folder / "building", "", keep=0)
            try:
                build(work)
                os.replace(work, final)
            finally:
                shutil.rmtree(work, ignore_errors=True)
                os.close(held)
    return final
