"""A requirements file is read as pip reads it; what cannot be reasoned about is refused with its file and line."""

from __future__ import annotations

import codecs
import os
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tfcompat.errors import RequestError
from tfcompat.requirements_file import HEADER, SECTION, Line, load_requirements, read_lines

if TYPE_CHECKING:
    from pathlib import Path

REMEDY = "take the line out of the file given with -r, or give the rest with --package"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "requirements.txt"


def load(path: Path, text: str) -> list[tuple[str, str]]:
    """Each requirement and where it stands, the folder left out."""
    path.write_bytes(text.encode())
    return [(line.text, line.where.removeprefix(f"{path.parent}/")) for line in load_requirements(path)]


def texts(path: Path, text: str) -> list[str]:
    return [found for found, _ in load(path, text)]


def refusal(path: Path, content: str | bytes) -> RequestError:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(RequestError) as caught:
        load_requirements(path)
    assert caught.value.exit_code == 2
    return caught.value


# -- lines -------------------------------------------------------------------------------------------


def test_each_requirement_carries_its_file_and_line(path: Path) -> None:
    assert load(path, "numpy>=1.26\n\n# a word\npandas[excel] ~= 2.0\n") == [
        ("numpy>=1.26", "requirements.txt:1"),
        ("pandas[excel]~=2.0", "requirements.txt:4"),
    ]


def test_comments_are_passed_over(path: Path) -> None:
    assert texts(path, "# numpy\n  # pandas\nscipy # and more\nsix\t#x\n#") == ["scipy", "six"]


def test_a_continued_line_stands_where_it_begins(path: Path) -> None:
    assert load(path, "six\nnumpy \\\n >=1.26, \\\n <2\nscipy") == [
        ("six", "requirements.txt:1"),
        ("numpy<2,>=1.26", "requirements.txt:2"),
        ("scipy", "requirements.txt:5"),
    ]


def test_a_file_may_end_in_a_continuation(path: Path) -> None:
    assert load(path, "six\nnumpy \\") == [("six", "requirements.txt:1"), ("numpy", "requirements.txt:2")]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings_of_all_systems_are_read(path: Path, ending: str) -> None:
    assert texts(path, f"numpy{ending}six{ending}") == ["numpy", "six"]


@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF8 + b"numpy\nsix",
        codecs.BOM_UTF16_LE + "numpy\nsix".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "numpy\nsix".encode("utf-16-be"),
    ],
    ids=["UTF-8", "UTF-16 LE", "UTF-16 BE"],
)
def test_a_byte_order_mark_names_the_encoding(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert [line.text for line in load_requirements(path)] == ["numpy", "six"]


def test_hashes_and_options_of_a_line_are_passed_over(path: Path) -> None:
    text = "numpy==1.26.4 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\nsix --config-settings=a=b --global-option=x\n"
    assert texts(path, text) == ["numpy==1.26.4", "six"]


@pytest.mark.parametrize(
    "option",
    [
        "--index-url https://x",
        "--extra-index-url=https://x",
        "-i https://x",
        "-f x",
        "--find-links x",
        "--pre",
        "--no-binary :all:",
        "--require-hashes",
        "--trusted-host=x",
    ],
)
def test_options_of_the_file_are_passed_over(path: Path, option: str) -> None:
    assert load(path, f"{option}\nnumpy") == [("numpy", "requirements.txt:2")]


def test_a_marker_stays_with_its_requirement_until_the_target_is_known(path: Path) -> None:
    assert texts(path, "numpy<2; python_version < '3.12'") == ['numpy<2; python_version < "3.12"']


# -- includes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "option",
    [
        "-r base.txt",
        "-r  base.txt",
        "--requirement base.txt",
        "--requirement=base.txt",
        "-c base.txt",
        "--constraint=base.txt",
        "-rbase.txt",
        "-r\tbase.txt",
    ],
)
def test_an_included_file_is_read_in_its_place(path: Path, option: str) -> None:
    (path.parent / "base.txt").write_text("\nnumpy<2\n")
    assert load(path, f"six\n{option}\nscipy") == [
        ("six", "requirements.txt:1"),
        ("numpy<2", "base.txt:2"),
        ("scipy", "requirements.txt:3"),
    ]


def test_an_include_is_relative_to_the_file_that_includes(path: Path) -> None:
    folder = path.parent / "deps"
    folder.mkdir()
    (folder / "gpu.txt").write_text("-r base.txt")
    (folder / "base.txt").write_text("numpy")
    assert load(path, "-r deps/gpu.txt") == [("numpy", "deps/base.txt:1")]


def test_a_file_that_includes_itself_is_an_error(path: Path) -> None:
    error = refusal(path, f"six\n-r {path.name}")
    said = f"-r {path.name} makes the file include itself ({path.name} -> {path.name})"
    assert (error.message, error.hint) == (f"{path}:2: {said}", "take the line out")


@pytest.mark.parametrize("option", ["-r", "-c"])
def test_a_longer_cycle_is_told_as_a_chain(path: Path, option: str) -> None:
    (path.parent / "deps").mkdir()
    (path.parent / "deps" / "a.txt").write_text("-r b.txt")
    (path.parent / "deps" / "b.txt").write_text(f"numpy\n{option} ./link.txt")
    (path.parent / "deps" / "link.txt").symlink_to("a.txt")
    error = refusal(path, "-r deps/a.txt")
    said = f"{option} ./link.txt makes the file include itself (a.txt -> b.txt -> link.txt)"
    assert (error.message, error.hint) == (f"{path.parent}/deps/b.txt:2: {said}", "take the line out")


def test_a_file_may_be_included_twice(path: Path) -> None:
    (path.parent / "base.txt").write_text("numpy")
    assert load(path, "-r base.txt\n-r ./base.txt") == [("numpy", "base.txt:1")] * 2


def test_includes_that_are_deep_are_an_error(path: Path) -> None:
    for depth in range(10):
        (path.parent / f"{depth}.txt").write_text(f"-r {depth + 1}.txt")
    error = refusal(path, "-r 0.txt")
    assert (error.message, error.hint) == (f"{path.parent}/8.txt is included more than 8 files deep", "join some of them into one")


def test_an_include_stays_in_the_folder_of_the_file(path: Path) -> None:
    inner = path.parent / "inner"
    inner.mkdir()
    path.write_text("numpy")
    error = refusal(inner / "requirements.txt", "-r ../requirements.txt")
    remedy = "run in the folder that holds both, or name that file with -r"
    assert error.message == f"{inner}/requirements.txt:1: -r ../requirements.txt leads outside of {inner}"
    assert error.hint == remedy


def test_an_include_stays_in_the_current_folder_where_the_file_lies_below_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = path.parent / "inner"
    inner.mkdir()
    path.write_text("numpy")
    monkeypatch.chdir(path.parent)
    assert load(inner / "requirements.in", "-r ../requirements.txt") == [("numpy", "../requirements.txt:1")]


@pytest.mark.parametrize("value", ["link.txt", "folder/secret.txt"])
def test_a_link_does_not_lead_out(path: Path, value: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.txt").write_text("numpy")
    (path.parent / "link.txt").symlink_to(outside / "secret.txt")
    (path.parent / "folder").symlink_to(outside)
    assert refusal(path, f"-r {value}").message == f"{path}:1: -r {value} leads outside of {path.parent}"


def test_an_include_that_is_a_pipe_is_not_waited_for(path: Path) -> None:
    os.mkfifo(path.parent / "pipe")
    error = refusal(path, "-r pipe")
    assert (error.message, error.hint) == (f"{path}:1: -r pipe names no regular file", "check the path")


def test_links_in_a_circle_lead_nowhere(path: Path) -> None:
    (path.parent / "loop").symlink_to("loop")
    error = refusal(path, "-r loop")
    assert error.message.startswith((f"{path}:1: -r loop leads nowhere: ", f"{path.parent}/loop cannot be read: "))


@pytest.mark.parametrize("value", ["https://example.org/base.txt", "file:base.txt", "ftp://example.org/x"])
def test_an_include_is_not_fetched(path: Path, value: str) -> None:
    error = refusal(path, f"-r {value}")
    said = f"{path}:1: -r {value} names a URL, and nothing is fetched"
    assert (error.message, error.hint) == (said, "download the file and name its path")


def test_includes_that_multiply_are_bounded(path: Path) -> None:
    for depth in range(8):
        (path.parent / f"{depth}.txt").write_text(f"-r {depth + 1}.txt\n" * 4)
    (path.parent / "8.txt").write_text("numpy")
    start = time.monotonic()
    try:
        assert len(load(path, "-r 1.txt")) < 10_000
    except RequestError as error:
        assert "include" in error.message  # noqa: PT017
    assert time.monotonic() - start < 1


def test_an_include_that_is_not_there_is_an_error(path: Path) -> None:
    error = refusal(path, "-r absent.txt")
    assert error.message == f"{path.parent / 'absent.txt'} cannot be read: No such file or directory"
    assert error.hint == "check the path given with -r"


@pytest.mark.parametrize("option", ["-r", "--requirement", "-c", "--requirement="])
def test_an_include_of_nothing_is_an_error(path: Path, option: str) -> None:
    error = refusal(path, f"six\n{option}")
    assert (error.message, error.hint) == (f"{path}:2: {option.rstrip('=')} names no file", "write -r FILE")


# -- what is refused ---------------------------------------------------------------------------------


def test_a_file_that_is_not_there_is_an_error(path: Path) -> None:
    with pytest.raises(RequestError) as caught:
        load_requirements(path)
    assert caught.value.message == f"{path} cannot be read: No such file or directory"


def test_a_folder_is_no_requirements_file(path: Path) -> None:
    with pytest.raises(RequestError, match="cannot be read: Is a directory"):
        load_requirements(path.parent)


@pytest.mark.parametrize("text", ["", "\n \n", "# numpy", "--index-url https://x", codecs.BOM_UTF8.decode()])
def test_a_file_without_a_requirement_is_an_error(path: Path, text: str) -> None:
    error = refusal(path, text)
    assert (error.message, error.hint) == (f"{path} holds no requirement", "name a file with lines such as 'numpy>=1.26'")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x89PNG\r\n", "byte 0 is no utf-8"),
        (b"numpy\nsix \xff", "byte 10 is no utf-8"),
        (codecs.BOM_UTF16_LE + b"n", "byte 2 is no utf-16"),
        (b"num\0py", "it holds NUL characters"),
        ("numpy".encode("utf-32"), "it holds NUL characters"),
    ],
    ids=["PNG", "Latin-1", "odd UTF-16", "NUL", "UTF-32"],
)
def test_what_is_not_text_is_an_error(path: Path, content: bytes, reason: str) -> None:
    error = refusal(path, content)
    assert (error.message, error.hint) == (f"{path} is not text ({reason})", "give a requirements file in UTF-8")


def test_a_file_of_more_than_a_mebibyte_is_an_error(path: Path) -> None:
    path.write_bytes(b"numpy\n" + b"#" * ((1 << 20) - 6))
    assert [line.text for line in load_requirements(path)] == ["numpy"]
    assert refusal(path, b"#" * ((1 << 20) + 1)).message == f"{path} is larger than 1 MiB: not a requirements file"


@pytest.mark.parametrize(
    "line",
    [
        "numpy @ https://example.org/numpy.whl",
        "x @ git+https://example.org/x.git@main",
        "x @ file:///srv/x.whl",
        "https://example.org/x.whl",
        "file:x.whl",
        "file:///srv/x.whl",
    ],
)
def test_a_url_is_no_version(path: Path, line: str) -> None:
    error = refusal(path, f"six\n\n{line}")
    assert (error.message, error.hint) == (f"{path}:3: {line!r} names a URL instead of a version", REMEDY)


@pytest.mark.parametrize("line", ["git+https://example.org/x.git#egg=x", "hg+ssh://example.org/x", "git+file:///srv/x"])
def test_a_repository_is_no_version(path: Path, line: str) -> None:
    error = refusal(path, f"six\n{line}")
    assert (error.message, error.hint) == (f"{path}:2: {line!r} names a repository instead of a version", REMEDY)


@pytest.mark.parametrize("line", [".", "./x", "../x", "/srv/x.whl", "~/x", "x.whl", "dist/x.tar.gz", "x/y", "C:\\x"])
def test_a_path_is_no_version(path: Path, line: str) -> None:
    error = refusal(path, f"six\n{line}")
    assert (error.message, error.hint) == (f"{path}:2: {line!r} names a path instead of a version", REMEDY)


@pytest.mark.parametrize(
    "line",
    [
        "x @ https://me:s3cret@example.org/x.whl",
        "git+https://s3cret@example.org/x",
        "https://a:b@s3c@b/x",
        "-e git+https://s3c@b/x",
        "-r https://s3c:x@b/x",
    ],
)
def test_credentials_are_not_told(path: Path, line: str) -> None:
    error = refusal(path, line)
    assert "s3c" not in str(error)
    assert "****@" in error.message


@pytest.mark.parametrize(
    ("line", "said"), [("-e .", "-e ."), ("--editable=./x", "--editable ./x"), ("-e git+https://x", "-e git+https://x")]
)
def test_an_editable_folder_is_no_version(path: Path, line: str, said: str) -> None:
    error = refusal(path, f"six\n{line}")
    assert (error.message, error.hint) == (f"{path}:2: {said} names a folder instead of a version", REMEDY)


@pytest.mark.parametrize("line", ["numpy=1.26", "numpy >= ", "<!DOCTYPE html>", "numpy numpy", "==2", "é"])
def test_a_line_that_is_no_requirement_is_an_error(path: Path, line: str) -> None:
    error = refusal(path, f"# first\n{line}\nsix")
    assert error.message.startswith(f"{path}:2: {line.strip()!r} is not a requirement that can be read: ")
    assert "\n" not in error.message
    assert error.hint == REMEDY


def test_a_long_line_is_quoted_in_part(path: Path) -> None:
    assert len(refusal(path, "x" * 5000 + " y").message) < 400 + len(str(path))


@pytest.mark.parametrize(
    "line",
    ["a; platform_system ~= 'Linux'", "a; 'x' in extras", "a; " + "(" * 3000 + "os_name == 'x'" + ")" * 3000],
    ids=["undefined comparison", "undefined name", "deep"],
)
def test_a_marker_that_cannot_be_judged_is_an_error(path: Path, line: str) -> None:
    assert refusal(path, f"six\n{line}").message.startswith(f"{path}:2: ")


def test_a_long_run_of_spaces_is_read_at_once(path: Path) -> None:
    start = time.monotonic()
    assert texts(path, "numpy\nsix" + " " * 20_000 + ">=1") == ["numpy", "six>=1"]  # 1 MiB of them may come
    assert time.monotonic() - start < 0.5


# -- the file, kept ---------------------------------------------------------------------------------


def lines(path: Path, text: str) -> list[tuple[str, str, str, str]]:
    """Each line, the folder left out."""
    path.write_text(text, encoding="utf-8")
    return [(kind, said, where.removeprefix(f"{path.parent}/"), comment) for kind, said, where, comment in read_lines(path)]


def test_every_line_is_kept_in_its_order(path: Path) -> None:
    (path.parent / "base.in").write_text("six # s\n")
    (path.parent / "bounds.txt").write_text("# why\n--pre\n\nurllib3<2  # old\n-r more.txt\n")
    (path.parent / "more.txt").write_text("idna<3\n")
    text = "# top\n\n--index-url https://me:secret@example.org/simple  # ours\n-r base.in  # base\n  # in\n-c bounds.txt # bounds\nnumpy >=1 ;python_version>'3'\t# n\n"
    assert lines(path, text) == [
        ("text", "", "requirements.txt:1", "# top"),
        ("text", "", "requirements.txt:2", ""),
        ("option", "--index-url https://me:secret@example.org/simple", "requirements.txt:3", "  # ours"),
        ("text", "", "requirements.txt:4", "# -r base.in  # base"),
        ("requirement", "six", "base.in:1", " # s"),
        ("text", "", "requirements.txt:5", "  # in"),
        ("option", "-c bounds.txt", "requirements.txt:6", " # bounds"),
        ("constraint", "urllib3<2", "bounds.txt:4", "  # old"),
        ("constraint", "idna<3", "more.txt:1", ""),
        ("requirement", 'numpy>=1; python_version > "3"', "requirements.txt:7", "\t# n"),
    ]


def test_hashes_are_dropped_and_a_comment_behind_them_is_kept(path: Path) -> None:
    text = "six==1 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb  # why\nidna\n"
    assert lines(path, text) == [
        ("requirement", "six==1", "requirements.txt:1", "  # why"),
        ("requirement", "idna", "requirements.txt:4", ""),
    ]


def test_a_file_of_our_own_is_read_without_its_header_and_its_section(path: Path) -> None:
    text = f"{HEADER}1 for x\n# more\n\n# mine\nnumpy==1\n\n{SECTION}\ntensorflow[and-cuda]==2 \\\n    --hash=sha256:aa\n!!\nwrapt==1\n"
    assert lines(path, text) == [
        ("text", "", "requirements.txt:4", "# mine"),
        ("requirement", "numpy==1", "requirements.txt:5", ""),
        ("text", "", "requirements.txt:6", ""),
        ("pinned", "tensorflow[and-cuda]==2", "requirements.txt:8", ""),
        ("pinned", "wrapt==1", "requirements.txt:11", ""),
    ]
    assert [line.text for line in load_requirements(path)] == ["numpy==1"]


def test_a_header_alone_holds_no_requirement(path: Path) -> None:
    assert lines(path, f"{HEADER}1 for x\nnumpy\n") == []
    assert refusal(path, f"{HEADER}1 for x\nnumpy\n").message == f"{path} holds no requirement"


def test_a_long_run_of_spaces_before_a_comment_is_read_at_once(path: Path) -> None:
    start = time.monotonic()
    path.write_text("six" + " " * 500_000 + "# x\n" + " " * 500_000)
    assert read_lines(path)[0] == Line("requirement", "six", f"{path}:1", " " * 500_000 + "# x")
    assert time.monotonic() - start < 0.5


PIECES = st.sampled_from(
    [
        "numpy",
        ">=1.26",
        "==",
        "~=",
        ";",
        "python_version",
        "sys_platform",
        " ",
        "\n",
        "\\\n",
        "-r ",
        "-c ",
        "-e ",
        "requirements.txt",
        "--hash=",
        "#",
        "@ ",
        "https://x",
        "[",
        "]",
        "(",
        ")",
        "'",
        "extra",
        "and",
        "in",
        "é",
        "\t",
        "\x0c",
        "*",
        ".",
        "1",
        "!",
        "-",
        "_",
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(), st.lists(PIECES, max_size=20).map(lambda pieces: "".join(pieces).encode()), st.text().map(str.encode)))
@example(codecs.BOM_UTF16_BE + b"\xd8\x00")
def test_any_bytes_are_requirements_or_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        assert load_requirements(path)
    except RequestError as error:
        assert str(path.parent) in error.message  # noqa: PT017
