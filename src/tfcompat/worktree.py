"""A folder as the gate sees it: the files that git would not ignore, read as text within bounds, and nothing outside of it.

Global ignore files of a person are not read, so that a run means the same everywhere.
"""

from __future__ import annotations

import errno
import os
import stat
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TypeVar

from tfcompat.errors import CouldNotCheck, RequestError
from tfcompat.gate.finding import Unchecked
from tfcompat.gate.kinds import kind_of
from tfcompat.gate.patterns import Patterns
from tfcompat.gate.source import Source, as_shown, entries_of, why_unshown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


__all__ = ["Discovery", "MemoryTree", "Worktree", "discover", "top_of"]

Seen = TypeVar("Seen")

_TEXT = 1 << 20  # bytes of a file
_LOCK = 16 << 20
_LOCKS = frozenset(("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock", "conda-lock", "pixi.lock"))
_FILES = 50_000
_DEPTH = 40
_PRUNED = frozenset((".git", ".hg", ".svn", "node_modules", "__pycache__", ".tox", ".nox", "site-packages"))
_ENVIRONMENTS = frozenset(("pyvenv.cfg", "conda-meta"))  # what stands in a virtual environment, or in one of conda
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_TOO_MANY = "name the files or folders to look at, or exclude some with exclude in [tool.tfcompat]"


class Discovery(NamedTuple):
    """What is looked at: *names* below the folder *top*, sorted. ``unread``: what could not be looked into."""

    top: str
    names: tuple[str, ...]
    unread: tuple[Unchecked, ...] = ()


class _Rules(NamedTuple):
    """The patterns of one ignore file. ``prefix`` is put before a name, or so many characters are taken off it, to be relative to that file."""

    prefix: str
    skipped: int
    patterns: Patterns

    def say(self, name: str, folder: bool) -> bool | None:
        """Whether *name* is ignored, None where nothing is said of it."""
        return self.patterns.say(self.prefix + name[self.skipped :], folder)


class Worktree:
    """The files below the folder *top*; of those, :meth:`names` leaves out what *exclude* (gitignore patterns) has."""

    def __init__(self, top: str, exclude: Sequence[str] = ()) -> None:
        self.top = os.path.abspath(top)
        self.unread: list[Unchecked] = []
        self._real_top = os.path.realpath(self.top)
        self._excluded = Patterns(exclude)
        self._names: tuple[str, ...] | None = None

    def find(self, name: str) -> Source | None:
        """The text of a file, None where there is none. Raises :class:`CouldNotCheck` where it cannot be read."""
        limit = _LOCK if kind_of(name) in _LOCKS else _TEXT
        content = self.find_bytes(name, limit + 1)
        if content is not None and len(content) > limit:
            raise CouldNotCheck(f"it is larger than {limit >> 20} MiB", "leave it out with exclude in [tool.tfcompat]")
        return None if content is None else _decoded(name, content)

    def find_bytes(self, name: str, limit: int, offset: int = 0) -> bytes | None:
        """*limit* bytes from *offset*, None where there is no such file. Raises :class:`CouldNotCheck` where it cannot be read."""

        def read(file: BinaryIO) -> bytes:
            file.seek(offset)
            return file.read(limit)

        return self._look(name, read)

    def size(self, name: str) -> int | None:
        """The bytes of a file, None where there is none. Raises :class:`CouldNotCheck` where it cannot be read."""
        return self._look(name, lambda file: os.fstat(file.fileno()).st_size)

    def _look(self, name: str, look: Callable[[BinaryIO], Seen]) -> Seen | None:
        if name.startswith("/") or ".." in name.split("/") or "\x00" in name:
            raise CouldNotCheck("it is outside of the tree")
        path = os.path.join(self.top, name)
        try:
            return self._open(path, look)
        except (FileNotFoundError, NotADirectoryError):
            if os.path.islink(path):
                raise CouldNotCheck("it is a link to a file that is not there") from None
            return None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "its name cannot be used"
            if getattr(error, "errno", None) == errno.ENAMETOOLONG:
                return None
            raise CouldNotCheck(f"it cannot be read: {reason}") from None

    def _open(self, path: str, look: Callable[[BinaryIO], Seen]) -> Seen | None:
        real = os.path.realpath(path)
        if os.path.commonpath((real, self._real_top)) != self._real_top:
            raise CouldNotCheck("it is a link that leads out of the tree")
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            return None
        if not stat.S_ISREG(mode):
            raise CouldNotCheck("it is not a file but a pipe, a socket or a device")
        descriptor = os.open(real, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(descriptor, "rb") as file:
            return look(file)

    def names(self) -> tuple[str, ...]:
        """Every file that is not ignored, sorted. Raises :class:`CouldNotCheck` where there are too many."""
        if self._names is None:
            self._names = tuple(sorted(self.walk("")))
        return self._names

    def entries(self, folder: str) -> tuple[str, ...]:
        """What lies directly in *folder*, ignored or not, a folder with a slash behind it; nothing that *exclude* has, and nothing of what
        no tree has: .git, virtual environments and the like. Raises :class:`CouldNotCheck` where there is too much or it cannot be listed.
        """
        path = os.path.join(self.top, folder)
        parts = folder.split("/") if folder else []
        outside = ".." in parts or folder.startswith("/") or "\x00" in folder
        if outside or os.path.realpath(path) != os.path.join(self._real_top, *parts) or not _PRUNED.isdisjoint(parts):
            return ()
        if folder and self.excludes(folder, folder=True):
            return ()
        try:
            with os.scandir(path) as scanned:
                entries = list(islice(scanned, _FILES + 1))
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return ()
            raise CouldNotCheck(f"the folder cannot be read: {error.strerror}") from None
        if len(entries) > _FILES:
            raise CouldNotCheck(f"there are more than {_FILES:,} files in it", _TOO_MANY)
        if folder and not _ENVIRONMENTS.isdisjoint(entry.name for entry in entries):
            return ()
        return tuple(sorted(filter(None, (self._entry(folder, entry) for entry in entries))))

    def _entry(self, folder: str, entry: os.DirEntry[str]) -> str | None:
        name = f"{folder}/{entry.name}" if folder else entry.name
        is_folder = entry.is_dir(follow_symlinks=False)
        if entry.name in _PRUNED or self._excluded.say(name, is_folder) or (entry.is_symlink() and os.path.isdir(entry.path)):
            return None
        return f"{entry.name}/" if is_folder else entry.name

    def excludes(self, name: str, folder: bool = False) -> bool:
        """Whether the patterns *exclude* have the file, or a folder above it."""
        return self._excluded.cover(name, folder)

    def walk(self, folder: str) -> Iterator[str]:
        """The files below *folder* that are neither ignored nor excluded; a *folder* that is ignored itself is looked into all the same."""
        waiting = [] if folder and self.excludes(folder, folder=True) else [(folder, self._rules_above(folder))]
        count = 0
        while waiting:
            inside, rules = waiting.pop()
            if inside.count("/") >= _DEPTH:
                raise CouldNotCheck(f"{inside} is more than {_DEPTH} folders deep", _TOO_MANY)
            entries = self._entries(inside)
            if inside != folder and not _ENVIRONMENTS.isdisjoint(entry.name for entry in entries):
                continue
            rules = (*rules, *self._rules_of(inside, entries))
            for entry in entries:
                name = f"{inside}/{entry.name}" if inside else entry.name
                is_folder = entry.is_dir(follow_symlinks=False)
                if entry.name in _PRUNED or _ignored(rules, name, is_folder) or self._excluded.say(name, is_folder):
                    continue
                if is_folder:
                    waiting.append((name, rules))
                elif not (entry.is_symlink() and os.path.isdir(entry.path)) and self._can_be_named(name):
                    count += 1
                    if count > _FILES:
                        raise CouldNotCheck(
                            f"there are more than {_FILES:,} files below {os.path.join(self.top, folder) if folder else self.top}",
                            _TOO_MANY,
                        )
                    yield name

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(os.path.join(self.top, folder)) as entries:
                return list(entries)
        except OSError as error:
            self._note(folder or ".", f"the folder cannot be read: {error.strerror}")
            return []

    def _can_be_named(self, name: str) -> bool:
        why = why_unshown(name)
        if why and kind_of(as_shown(name).replace("\n", " ")) not in (None, "kubernetes", "model"):  # a model where a build copies it
            self._note(as_shown(name), why)
        return not why

    def _note(self, name: str, reason: str) -> None:
        unread = Unchecked(name, reason)
        if unread not in self.unread:
            self.unread.append(unread)

    def _rules_above(self, folder: str) -> tuple[_Rules, ...]:
        """The patterns that hold in *folder* from above it; none where it is ignored itself, since it was named."""
        rules = tuple(_rules_around(self.top))
        parts = folder.split("/") if folder else []
        for index in range(len(parts)):
            above = "/".join(parts[:index])
            rules = (*rules, *self._rules_of(above, None))
            if _ignored(rules, "/".join(parts[: index + 1]), folder=True):
                return ()
        return rules

    def _rules_of(self, folder: str, entries: list[os.DirEntry[str]] | None) -> Iterator[_Rules]:
        if entries is None or any(entry.name == ".gitignore" and entry.is_file(follow_symlinks=False) for entry in entries):
            patterns = _load_patterns(os.path.join(self.top, folder, ".gitignore"))
            if patterns is not None:
                yield _Rules("", len(folder) + 1 if folder else 0, patterns)


class MemoryTree:
    """A tree of texts, or of bytes, such as what is read from standard input."""

    def __init__(self, files: Mapping[str, str | bytes]) -> None:
        self._files = {name: content.encode() if isinstance(content, str) else content for name, content in files.items()}

    def find(self, name: str) -> Source | None:
        """As :meth:`Worktree.find`."""
        content = self._files.get(name)
        return None if content is None else _decoded(name, content)

    def find_bytes(self, name: str, limit: int, offset: int = 0) -> bytes | None:
        """As :meth:`Worktree.find_bytes`."""
        content = self._files.get(name)
        return None if content is None else content[offset : offset + limit]

    def size(self, name: str) -> int | None:
        """As :meth:`Worktree.size`."""
        content = self._files.get(name)
        return None if content is None else len(content)

    def names(self) -> tuple[str, ...]:
        """Every name, sorted."""
        return tuple(sorted(self._files))

    def entries(self, folder: str) -> tuple[str, ...]:
        """As :meth:`Worktree.entries`."""
        return entries_of(self._files, folder)


def top_of(paths: Sequence[str]) -> str:
    """The folder that files of *paths* may lead to: the nearest with ``.git`` at or above them; without any, the current folder if they lie
    in that, else the one that holds them all. The home folder, and that of all users, are taken only where a path names them.

    Raises :class:`RequestError` for a path that is not there, and for paths that have nothing else in common.
    """
    folders = [path if os.path.isdir(path) else os.path.dirname(path) for path in map(_absolute, paths)]
    try:
        common = os.path.commonpath(folders or [os.getcwd()])
    except ValueError:
        raise RequestError("the paths have no folder in common", "run it once for each") from None
    folder, here = common, os.getcwd()
    while folder in folders or not _too_wide(folder):
        if os.path.lexists(os.path.join(folder, ".git")):
            return folder
        folder = os.path.dirname(folder)
        if folder == os.path.dirname(folder):
            break
    if os.path.commonpath((here, common)) == here and not _too_wide(here):
        return here
    if _too_wide(common) and common not in folders:
        raise RequestError(f"the paths have no folder in common but {common}", "run it once for each")
    return common


def _too_wide(folder: str) -> bool:
    """Whether it is the root of the file system, the home folder, or above that: nobody means all that lies there."""
    home = os.path.realpath(os.path.expanduser("~"))
    return f"{home}{os.sep}".startswith(f"{folder.rstrip(os.sep)}{os.sep}")


def discover(paths: Sequence[str], exclude: Sequence[str] = ()) -> Discovery:
    """The files to look at: those that are named, even where they are ignored, and what lies below the folders; nothing that *exclude* has.

    Raises :class:`RequestError` for a path that is not there, :class:`CouldNotCheck` for too many files.
    """
    top = top_of(paths)
    tree = Worktree(top, exclude)
    names: set[str] = set()
    for path in map(_absolute, paths or [os.getcwd()]):
        name = os.path.relpath(path, top).replace(os.sep, "/")
        name = "" if name == "." else name
        if os.path.isdir(path):
            names.update(tree.walk(name))
        elif not name.isprintable():
            raise CouldNotCheck(f"{path} has a name that is not UTF-8 or cannot be shown", "give it another name")
        elif not tree.excludes(name):
            names.add(name)
    return Discovery(top, tuple(sorted(names)), tuple(tree.unread))


def _absolute(path: str) -> str:
    absolute = os.path.abspath(path)
    if "\x00" in path or not os.path.lexists(absolute):
        raise RequestError(f"{path} does not exist", "name files or folders, or - for standard input")
    return os.path.realpath(absolute) if os.path.isdir(absolute) else absolute


def _decoded(name: str, content: bytes) -> Source:
    """The text of *content*. It is decoded so that encoding it again gives the very bytes: the mark of UTF-16 stays in the text."""
    encoding = next((encoding for mark, encoding in _BOMS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise CouldNotCheck(f"it is not text: what stands at byte {error.start} is not {encoding.upper().removesuffix('-SIG')}") from None
    if "\x00" in text:
        raise CouldNotCheck(f"it is not text: there is a NUL at character {text.index(chr(0))}")
    return Source(name, text, encoding)


def _ignored(rules: Sequence[_Rules], name: str, folder: bool) -> bool:
    """What the nearest ignore file that says anything says."""
    return next((said for each in reversed(rules) if (said := each.say(name, folder)) is not None), False)


def _rules_around(top: str) -> Iterator[_Rules]:
    """The patterns that hold in the whole of *top*: the repository's own list, and ignore files above, in the folders of the same repository."""
    folders = [top]
    while not os.path.lexists(os.path.join(folders[-1], ".git")):
        above = os.path.dirname(folders[-1])
        if above == folders[-1]:
            return
        folders.append(above)
    for number, folder in enumerate(reversed(folders)):
        prefix = os.path.relpath(top, folder).replace(os.sep, "/") + "/" if folder != top else ""
        own = _load_patterns(os.path.join(folder, ".git", "info", "exclude")) if number == 0 else None
        found = _load_patterns(os.path.join(folder, ".gitignore")) if folder != top else None
        yield from (_Rules(prefix, 0, patterns) for patterns in (own, found) if patterns is not None)


def _load_patterns(path: str) -> Patterns | None:
    """The patterns of an ignore file; None where it has none. Git does not follow a link there either."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return None
        with open(path, "rb") as file:
            content = file.read(_TEXT)
    except OSError:
        return None
    patterns = Patterns(line.removesuffix("\r") for line in content.decode("utf-8-sig", "surrogateescape").split("\n"))
    return patterns or None
