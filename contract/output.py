# SPDX-License-Identifier: Apache-2.0
"""Write outputs so that no file is ever half-written, and so that nothing but a file is ever replaced.

A regular file is replaced whole, a link is followed, a pipe or a character device is written to; anything
else is refused.
Folders are looked at, made and locked before the work begins, and nothing is left of them if it fails.
"""

import errno
import fcntl
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from nms.contract.errors import UserError, is_refusal

STAGING = ".nms-"
"""Begins the name of a folder in which files wait until they are whole."""


def check_writable(directory: Path, inputs: Iterable[Path | str] = ()) -> None:
    """Check that ``directory`` can be written to and is no part of an input, before the work begins.

    Raises
    ------
    UserError
        It is a file or a link that leads nowhere, there is no permission, or it is one of the ``inputs`` or
        inside one.
    """
    for entry in (directory, *directory.absolute().parents):
        if os.path.lexists(entry):
            break
    if not entry.exists():
        raise UserError(f"output {str(directory)!r}: {str(entry)!r} is a link that leads nowhere")
    if not entry.is_dir():
        raise UserError(f"output {str(directory)!r}: {str(entry)!r} is a file; must be a directory")
    if not os.access(entry, os.W_OK | os.X_OK):
        raise UserError(f"output {str(directory)!r}: no permission to write in {str(entry)!r}")
    real = Path(os.path.realpath(directory))
    for given in inputs:
        source = Path(os.path.realpath(given))
        if source.is_dir() and (source == real or source in real.parents):
            raise UserError(
                f"output {str(directory)!r}: is inside the input {str(given)!r}; name a folder outside it"
            )


def check_file(path: Path, inputs: Iterable[Path | str] = ()) -> None:
    """Check that the file ``path`` can be written and is none of the ``inputs``, before the work begins.

    Raises
    ------
    UserError
        It is a directory, a socket or a block device, a link that leads nowhere, an input, or it is where
        no file can be made.
    """
    replaced = _is_replaced(path)
    for given in inputs:
        if os.path.exists(given) and os.path.exists(path) and os.path.samefile(given, path):
            raise UserError(f"output {str(path)!r}: is the input {str(given)!r}; name another file")
    if not replaced:
        if not os.access(path, os.W_OK):
            raise UserError(f"output {str(path)!r}: no permission to write to it")
        return
    folder = Path(os.path.realpath(path)).parent
    check_writable(folder)
    with refusing(path), _made(folder), _staged(folder) as staging:
        (staging / path.name).touch()


@contextmanager
def reserve(directory: Path, files: Iterable[str] = (), inputs: Iterable[Path | str] = ()) -> Iterator[None]:
    """Make ``directory`` and keep it from other commands until the work is done; remove it if empty then.

    Parameters
    ----------
    directory : the output
    files : names of files that will be written into it, as far as they are known
    inputs : what the work reads: a folder around ``directory``, or one of the files

    Raises
    ------
    UserError
        See :func:`check_writable` and :func:`check_file`; or another command writes to the directory.
    """
    inputs = list(inputs)
    check_writable(directory, inputs)
    with ExitStack() as held:
        with refusing(directory):
            held.enter_context(_made(directory))
            held.callback(os.close, _lock(directory))
            for abandoned in directory.glob(f"{STAGING}*"):  # by a command that was killed
                shutil.rmtree(abandoned, ignore_errors=True)
            with _staged(directory):
                for name in files:
                    check_file(directory / name, inputs)
        yield


def check_earlier(record: Path, command: str, force: bool) -> None:
    """Refuse to replace the results of another ``command`` than this one, unless by ``force``.

    ``record`` is the file in which the results say what command they are of; the same command may be
    repeated.

    Raises
    ------
    UserError
        There is a record, of another command or of none.
    """
    if force or not record.is_file():
        return
    try:
        found = json.loads(record.read_text())
        earlier = found.get("command") or found["provenance"]["command"]
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        earlier = None
    if earlier != command:
        what = f"the results of `{earlier}`" if earlier else "other results"
        raise UserError(
            f"output {str(record.parent)!r}: has {what}; name another --output, or replace them by --force"
        )


def publish(directory: Path, write: Callable[[Path], object]) -> list[Path]:
    """Let ``write`` fill an empty folder inside ``directory``, then move its files to their places.

    Each file appears whole or not at all; if ``write`` raises, ``directory`` stays untouched. Other files in
    ``directory`` stay. Returns the files written.

    Raises
    ------
    UserError
        The disk is full, read-only or otherwise refuses to be written, or there is something else than a
        file in the place of one.
    """
    with refusing(directory), _made(directory), _staged(directory) as staging:
        write(staging)
        written = sorted(path.relative_to(staging) for path in staging.rglob("*") if path.is_file())
        for path in written:
            _is_replaced(directory / path)
        for path in written:
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            _place(staging / path, directory / path)
    return [directory / path for path in written]


def write_file(path: Path, text: str) -> None:
    """Write the file ``path`` in UTF-8, whole or not at all; its folder is made if missing.

    Raises
    ------
    UserError
        See :func:`nms.contract.output.publish`.
    """
    if _is_replaced(path):
        real = Path(os.path.realpath(path))
        publish(real.parent, lambda staging: (staging / real.name).write_text(text, "utf-8"))
        return
    with refusing(path):
        path.write_text(text, "utf-8")


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Raise :class:`nms.contract.errors.UserError` for what the machine refuses in writing ``path``."""
    try:
        yield
    except OSError as error:
        if not is_refusal(error):
            raise
        raise UserError(f"output {str(path)!r}: {error.strerror or error}") from error


def _is_replaced(path: Path) -> bool:
    """Whether ``path``, or what it leads to, is replaced by another file; else it is written to."""
    try:
        status = path.stat()
    except OSError as error:
        if os.path.islink(path):
            raise UserError(f"output {str(path)!r}: is a link that leads nowhere") from None
        if isinstance(error, FileNotFoundError):
            return True
        raise UserError(f"output {str(path)!r}: {error.strerror}") from None
    if stat.S_ISREG(status.st_mode):
        return not any(os.path.samestat(status, stream) for stream in _list_streams())
    if stat.S_ISDIR(status.st_mode):
        raise UserError(f"output {str(path)!r}: is a directory; must be a file")
    if not (stat.S_ISFIFO(status.st_mode) or stat.S_ISCHR(status.st_mode)):
        raise UserError(f"output {str(path)!r}: is a socket or a block device; must be a file")
    return False


def _list_streams() -> Iterator[os.stat_result]:
    """The files that the shell connected to the standard output and the standard error, if any."""
    for number in (1, 2):
        with suppress(OSError):
            yield os.fstat(number)


def _place(whole: Path, path: Path) -> None:
    """Move the file ``whole`` to ``path``, or to where that leads."""
    if not _is_replaced(path):
        with whole.open("rb") as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)
        return
    real = Path(os.path.realpath(path))
    try:
        os.replace(whole, real)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with _staged(real.parent) as staging:
            os.replace(shutil.copyfile(whole, staging / real.name), real)


def _lock(directory: Path) -> int:
    """Lock a folder until the file descriptor that is returned is closed, or until this process ends."""
    number = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(number)
        raise UserError(
            f"output {str(directory)!r}: another command writes to it; wait, or name another --output"
        ) from None
    except OSError:  # a file system without locks
        pass
    return number


@contextmanager
def _made(directory: Path) -> Iterator[None]:
    """Make a folder and those around it; afterwards, those that it made are removed if they are empty."""
    missing = [entry for entry in (directory, *directory.parents) if not os.path.exists(entry)]
    try:
        directory.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        for entry in missing:
            with suppress(OSError):
                entry.rmdir()


@contextmanager
def _staged(directory: Path) -> Iterator[Path]:
    """An empty folder inside ``directory``, so that files are moved within one file system."""
    staging = Path(tempfile.mkdtemp(prefix=STAGING, dir=directory))
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)
