"""Which files are looked at, against git itself, and how each is read."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest

from tfcompat import worktree
from tfcompat.errors import CouldNotCheck, RequestError
from tfcompat.gate.finding import Unchecked
from tfcompat.worktree import MemoryTree, Worktree, discover, top_of


def make(top: Path, *names: str, **contents: str) -> Path:
    for name in names:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).touch()
    return top


def write(top: Path, name: str, text: str | bytes) -> None:
    (top / name).parent.mkdir(parents=True, exist_ok=True)
    (top / name).write_bytes(text if isinstance(text, bytes) else text.encode())


def git(top: Path, *arguments: str) -> list[str]:
    command = ["git", "-c", "core.excludesFile=/dev/null", "-c", "core.quotePath=false", *arguments]
    return sorted(name for name in subprocess.run(command, cwd=top, capture_output=True, check=True, text=True).stdout.split("\0") if name)


def could_not(tree: Worktree | MemoryTree, name: str) -> str:
    with pytest.raises(CouldNotCheck) as caught:
        tree.find(name)
    return caught.value.message


def test_a_repository_as_git_lists_it(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    make(
        tmp_path, "Dockerfile", "requirements.txt", "app/main.py", "app/build/x", "build/y", "logs/a.log", "logs/keep.log", "app/data/raw/a.csv",
        "app/data/keep/b.csv", "é/ü.txt", "a b/c d", ".hidden/x", "deep/er/and/deeper/still.txt", "notes.local", "sub/only.tmp",
    )  # fmt: skip
    write(tmp_path, ".gitignore", "\ufeffbuild/\r\n*.log\r\n!keep.log\r\n/app/data/*\r\n!/app/data/keep/\r\n")
    write(tmp_path, "sub/.gitignore", "*.tmp\n!.gitignore\n")
    write(tmp_path, ".git/info/exclude", "*.local\n")
    git(tmp_path, "add", "Dockerfile", "app/main.py")
    found = discover([str(tmp_path)])
    assert list(found.names) == git(tmp_path, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    assert len(found.names) == 11
    assert (found.top, found.unread) == (str(tmp_path), ())


PARTS = ["a", "b", "a.txt", "b.py", "build", "x y", ".h"]
LINES = [
    "a",
    "a/",
    "/a",
    "*.txt",
    "!*.txt",
    "!a",
    "!a/",
    "*",
    "!*/",
    "/*",
    "a/*",
    "!a/b",
    "**/b",
    "b/**",
    "a/**/b",
    "[!a]*",
    "build/",
    "!build/",
    ".*",
    "**",
    "!.gitignore",
]


@pytest.mark.parametrize("seed", range(12))
def test_any_repository_as_git_lists_it(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    git(tmp_path, "init", "-q")
    for _ in range(14):
        path = tmp_path.joinpath(*chance.choices(PARTS, k=chance.randint(1, 4)))
        if not any(above.is_file() for above in path.parents) and not path.exists():
            make(path.parent, path.name)
    folders = [Path(folder) for folder, _, _ in os.walk(tmp_path) if ".git" not in Path(folder).parts]
    for folder in {tmp_path, *chance.sample(folders, min(2, len(folders)))}:
        write(folder, ".gitignore", "".join(f"{line}\n" for line in chance.choices(LINES, k=3)))
    assert list(discover([str(tmp_path)]).names) == git(tmp_path, "ls-files", "-z", "--cached", "--others", "--exclude-standard")


def test_environments_and_the_like_are_left_out(tmp_path: Path) -> None:
    make(
        tmp_path,
        "a.txt",
        "node_modules/x",
        "env/pyvenv.cfg",
        "env/lib/y",
        "conda/conda-meta/z",
        "conda/w",
        ".tox/t",
        "lib/site-packages/p",
        "__pycache__/c",
    )
    assert discover([str(tmp_path)]).names == ("a.txt",)


def test_named_files_are_looked_at_even_if_ignored_but_not_if_excluded(tmp_path: Path) -> None:
    make(tmp_path, ".git/HEAD", "a/Dockerfile", "a/x.txt", "b/Dockerfile", "b/c/d")
    write(tmp_path, ".gitignore", "b/\n")
    assert discover([str(tmp_path)]).names == (".gitignore", "a/Dockerfile", "a/x.txt")
    assert discover([str(tmp_path / "b/Dockerfile")]).names == ("b/Dockerfile",)
    assert discover([str(tmp_path / "b")]).names == ("b/Dockerfile", "b/c/d")
    assert discover([str(tmp_path / "b"), str(tmp_path / "a/x.txt")], ["*.txt"]).names == ("b/Dockerfile", "b/c/d")
    assert discover([str(tmp_path / "b/Dockerfile")], ["b/"]).names == ()
    assert discover([str(tmp_path / "b")], ["/b"]).names == ()
    assert discover([str(tmp_path)], ["a/*", "!a/x.txt"]).names == (".gitignore", "a/x.txt")
    assert discover([str(tmp_path)], ["*", "!a/", "!a/x.txt"]).names == ("a/x.txt",)


def test_ignore_files_above_the_top_hold_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, ".git/HEAD", "services/api/a.txt", "services/api/b.log", "services/api/gen/c")
    write(tmp_path, ".gitignore", "*.log\n")
    write(tmp_path, "services/.gitignore", "/api/gen/\n")
    monkeypatch.chdir(tmp_path / "services/api")
    found = discover(["."])
    assert (found.top, found.names) == (str(tmp_path), ("services/api/a.txt",))
    assert sorted(Worktree(str(tmp_path / "services/api")).names()) == ["a.txt"]


def test_the_top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "repo/.git/HEAD", "repo/docker/Dockerfile", "repo/api/x", "loose/a/Dockerfile", "loose/b/c")
    repo, loose = tmp_path / "repo", tmp_path / "loose"
    monkeypatch.chdir("/")
    assert top_of([str(repo / "docker/Dockerfile")]) == str(repo)
    assert top_of([str(loose / "a/Dockerfile"), str(loose / "b")]) == str(loose)
    assert top_of([str(loose / "a/Dockerfile")]) == str(loose / "a")
    monkeypatch.chdir(repo / "docker")
    assert top_of(["Dockerfile"]) == str(repo)
    assert top_of([]) == str(repo)
    assert top_of([".."]) == str(repo)
    assert discover([]).names == ("docker/Dockerfile",)
    assert discover([]) == discover(["../docker"])
    monkeypatch.chdir(loose)
    assert top_of(["a/Dockerfile"]) == str(loose)
    assert top_of([]) == str(loose)
    monkeypatch.chdir(tmp_path)
    assert top_of(["repo/docker"]) == str(repo)
    assert discover(["repo/docker"]).names == ("docker/Dockerfile",)


def test_the_home_folder_is_the_top_of_nothing_but_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "home/.git/HEAD", "home/a/Dockerfile", "home/b/Dockerfile", "home/c/.git", "home/c/d/x")
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    for here in (tmp_path, home, home / "b"):
        monkeypatch.chdir(here)
        assert top_of([str(home / "a")]) == str(home / "a")
        assert top_of([str(home / "c/d")]) == str(home / "c")
        assert top_of([str(home)]) == str(home)
        with pytest.raises(RequestError) as caught:
            top_of([str(home / "a"), str(home / "b")])
        assert (caught.value.message, caught.value.hint) == (f"the paths have no folder in common but {home}", "run it once for each")
    monkeypatch.chdir(home / "a")
    assert top_of(["Dockerfile"]) == top_of([]) == str(home / "a")
    with pytest.raises(RequestError, match=r"the paths have no folder in common but /\n"):
        top_of([str(home / "a"), "/usr"])


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="/nowhere does not exist"):
        discover([str(tmp_path / "nowhere")])
    with pytest.raises(RequestError, match="does not exist"):
        discover(["a\0b"])


@pytest.mark.parametrize(
    ("content", "encoding", "text"),
    [
        (b"a\r\nb\n", "utf-8", "a\r\nb\n"),
        ("\ufeffé\n".encode(), "utf-8-sig", "é\n"),
        ("\ufeffa\n".encode("utf-16-le"), "utf-16-le", "\ufeffa\n"),
        ("\ufeff😀\r\n".encode("utf-16-be"), "utf-16-be", "\ufeff😀\r\n"),
        (b"", "utf-8", ""),
    ],
)
def test_a_text_is_read_so_that_it_can_be_written_again(tmp_path: Path, content: bytes, encoding: str, text: str) -> None:
    write(tmp_path, "d/f", content)
    for tree in (Worktree(str(tmp_path)), MemoryTree({"d/f": content})):
        found = tree.find("d/f")
        assert found is not None
        assert (found.name, found.text, found.encoding) == ("d/f", text, encoding)
        assert found.text.encode(found.encoding) == content
        assert tree.find_bytes("d/f", 3) == content[:3]
        assert tree.find("d/g") is None
        assert tree.find_bytes("d/g", 3) is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"ab\xffc", "it is not text: what stands at byte 2 is not UTF-8"),
        (b"\xef\xbb\xbf\xe9", "it is not text: what stands at byte 0 is not UTF-8"),
        (b"\xff\xfea", "it is not text: what stands at byte 2 is not UTF-16-LE"),
        (b"ab\0c", "it is not text: there is a NUL at character 2"),
        (b"x" * ((1 << 20) + 1), "it is larger than 1 MiB"),
    ],
)
def test_what_is_not_text(tmp_path: Path, content: bytes, said: str) -> None:
    write(tmp_path, "f", content)
    assert could_not(Worktree(str(tmp_path)), "f") == said


def test_lock_files_may_be_larger(tmp_path: Path) -> None:
    write(tmp_path, "uv.lock", b"x" * ((1 << 20) + 1))
    found = Worktree(str(tmp_path)).find("uv.lock")
    assert found is not None
    write(tmp_path, "pixi.lock", b"x" * ((16 << 20) + 1))
    assert could_not(Worktree(str(tmp_path)), "pixi.lock") == "it is larger than 16 MiB"


def test_what_is_no_file(tmp_path: Path) -> None:
    top = tmp_path / "top"
    make(top, "folder/x", "file")
    make(tmp_path, "outside/secret")
    os.mkfifo(top / "pipe")
    (top / "null").symlink_to("/dev/null")
    (top / "broken").symlink_to("nowhere")
    (top / "out").symlink_to("../outside/secret")
    (top / "outs").symlink_to("../outside")
    (top / "loop").symlink_to("loop")
    (top / "inside").symlink_to("file")
    (top / "folders").symlink_to("folder")
    tree = Worktree(str(top))
    assert tree.find("folder") is None
    assert tree.find("file/x") is None
    assert tree.find("inside") is not None
    assert tree.find("x" * 300) is None
    assert could_not(tree, "pipe") == "it is not a file but a pipe, a socket or a device"
    assert could_not(tree, "null") == "it is a link that leads out of the tree"
    assert could_not(tree, "broken") == "it is a link to a file that is not there"
    assert could_not(tree, "out") == "it is a link that leads out of the tree"
    assert could_not(tree, "outs/secret") == "it is a link that leads out of the tree"
    assert could_not(tree, "loop") == "it cannot be read: Too many levels of symbolic links"
    for name in ("../outside/secret", "/etc/passwd", "folder/../../outside/secret", "a\0b"):
        assert could_not(tree, name) == "it is outside of the tree"
    assert tree.names() == ("broken", "file", "folder/x", "inside", "loop", "null", "out", "pipe")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read(tmp_path: Path) -> None:
    make(tmp_path, "file", "folder/x")
    (tmp_path / "file").chmod(0)
    (tmp_path / "folder").chmod(0)
    assert could_not(Worktree(str(tmp_path)), "file") == "it cannot be read: Permission denied"
    assert discover([str(tmp_path)]).unread == (Unchecked("folder", "the folder cannot be read: Permission denied"),)
    (tmp_path / "folder").chmod(0o700)


def test_a_folder_that_vanishes_is_told(tmp_path: Path) -> None:
    assert list(Worktree(str(tmp_path)).walk("gone")) == []
    tree = Worktree(str(tmp_path))
    assert list(tree.walk("gone")) == []
    assert tree.unread == [Unchecked("gone", "the folder cannot be read: No such file or directory")]


def test_names_that_cannot_be_shown(tmp_path: Path) -> None:
    make(tmp_path, "Dockerfile")
    for name in (b"Dockerfile.\xff", b"other\xff", b"Dockerfile.\x1b[2J", b"a\nb"):
        (tmp_path / os.fsdecode(name)).touch()
    found = discover([str(tmp_path)])
    assert found.names == ("Dockerfile",)
    assert sorted(found.unread) == [
        Unchecked("Dockerfile.\x1b[2J", "its name has characters that cannot be shown"),
        Unchecked("Dockerfile.\ufffd", "its name is not UTF-8"),
    ]
    with pytest.raises(CouldNotCheck, match="has a name that is not UTF-8 or cannot be shown"):
        discover([str(tmp_path / "Dockerfile.\x1b[2J")])


def test_the_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, *(f"many/f{n}" for n in range(6)), "/".join("d" * 5) + "/x")
    monkeypatch.setattr(worktree, "_FILES", 5)
    with pytest.raises(CouldNotCheck) as caught:
        discover([str(tmp_path / "many")])
    assert caught.value.message == f"there are more than 5 files below {tmp_path / 'many'}"
    assert discover([str(tmp_path)], ["many/"]).names == ("d/d/d/d/d/x",)
    monkeypatch.setattr(worktree, "_DEPTH", 3)
    with pytest.raises(CouldNotCheck, match="d/d/d/d is more than 3 folders deep"):
        discover([str(tmp_path)], ["many/"])


def test_a_tree_in_memory() -> None:
    tree = MemoryTree({"b": "x", "a/c": b"\xff"})
    assert tree.names() == ("a/c", "b")
    assert could_not(tree, "a/c") == "it is not text: what stands at byte 0 is not UTF-8"


def test_entries_are_what_lies_there_ignored_or_not(tmp_path: Path) -> None:
    top = make(tmp_path / "top", "a/x.h5", "a/b/y", "c.h5", ".git/config", "venv/pyvenv.cfg", "node_modules/z", "out/w")
    write(top, ".gitignore", "*.h5\na/\n")
    (top / "link").symlink_to(tmp_path)
    (top / "a" / "gone").symlink_to("nowhere")
    tree = Worktree(str(top), ["out"])
    assert tree.entries("") == (".gitignore", "a/", "c.h5", "venv/")
    assert tree.entries("a") == ("b/", "gone", "x.h5")
    for name in ("venv", "node_modules", ".git", "out", "link", "..", "a/..", "/", "c.h5", "gone", "a\0", "x" * 5000):
        assert tree.entries(name) == ()
    memory = MemoryTree({"a/x": "", "a/b/y": "", "ab": ""})
    assert (memory.entries(""), memory.entries("a"), memory.entries("ab"), memory.entries("gone")) == (("a/", "ab"), ("b/", "x"), (), ())


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(CouldNotCheck) as caught:
        Worktree(str(tmp_path)).entries("")
    assert caught.value.message == "the folder cannot be read: Permission denied"
