"""A person's requirements joined with TensorFlow's part: the real resolver, the real uv, and an index in a folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement

from folder_index import FolderIndex, ask_no_other_index
from tfcompat.errors import RequestError, TfcompatError
from tfcompat.installers import Pip, Unresolvable, find_installer
from tfcompat.join import Contradiction, Joined, join_requirements
from tfcompat.matrix import load_bundled
from tfcompat.outputs.requirements import render_requirements
from tfcompat.requirements_file import SECTION
from tfcompat.resolver import Plan, Request, ResolutionImpossible, find_pins_plan, resolve_pins

MATRIX = load_bundled()
WISHED = Request(tensorflow="2.15", python="3.11")
Join = Callable[..., Joined]
MINORS = ("2.12", "2.13", "2.14", "2.15", "2.16", "2.17", "2.18")


def find_plan(request: Request) -> Plan:
    return resolve_pins(request, MATRIX)


def find_other(request: Request) -> Plan | None:
    return find_pins_plan(request, MATRIX)


PART = {by_name: find_plan(WISHED._replace(by_name=by_name)).requirements for by_name in (False, True)}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> FolderIndex:
    """Every pin of some minors, each TensorFlow with the requirements of its wheel, and what people use beside it."""
    index = FolderIndex(tmp_path_factory.mktemp("index"))
    plans = [find_plan(Request(tensorflow=minor, python="3.11", by_name=named)) for minor in MINORS for named in (False, True)]
    wheels = {(Requirement(line).name, line.partition("==")[2], *_requires(line, plan)) for plan in plans for line in plan.requirements}
    wheels |= {(f"tensorflow-{platform}", "2.15.1") for platform in ("intel", "macos", "cpu-aws")}
    for name, version, *requires in sorted(wheels):
        index.add(name, version, *requires)
    for name, version, *requires in (
        ("old-frame", "1.0", "numpy<1.25"),
        ("old-frame", "2.0", "numpy"),
        ("new-frame", "3.0", "numpy>=2"),
        ("net", "1.0", "urllib3", "helper"),
        ("urllib3", "1.26.0"),
        ("helper", "1.0"),
        ("helper", "2.0"),
        ("plugin", "1.0", "tensorflow>=2.10"),
        ("split", "1.0"),
        ("split", "2.0"),
        ("win", "1.0"),
        ("left", "1.0", "bridge<2"),
        ("right", "1.0", "bridge>1"),
        ("bridge", "1.0"),
        ("bridge", "1.5", "absl-py<2"),
        ("bridge", "2.0"),
        ("numpy", "1.24.4"),
        ("absl-py", "1.0"),
        ("old-six", "1.0", "six<1.17"),
        ("six", "1.16.0"),
    ):
        index.add(name, version, *requires)
    return index


def _requires(line: str, plan: Plan) -> tuple[str, ...]:
    if Requirement(line).name != plan.package:
        return ()
    release = MATRIX.release(plan.package, plan.tensorflow)
    build = MATRIX.build(release, plan.platform) if release else None
    return tuple(build.requires) if build else ()


@pytest.fixture(autouse=True)
def _only_this_index(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    ask_no_other_index(monkeypatch, tmp_path_factory.getbasetemp() / "uv-cache")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "requirements.in"


@pytest.fixture
def join(path: Path, index: FolderIndex) -> Join:
    """Writes *text* as requirements.in and joins it; the body as text, the folder left out of messages."""

    def joined(text: str, request: Request = WISHED, files: Mapping[str, str] | None = None, **options: Any) -> Joined:
        path.write_text(text, encoding="utf-8")
        for name, content in (files or {}).items():
            (path.parent / name).parent.mkdir(exist_ok=True)
            (path.parent / name).write_text(content, encoding="utf-8")
        return join_requirements(request, [path], find_plan, lambda target: find_installer(target, index.url), find_other, **options)

    return joined


def own(found: Joined) -> str:
    """The person's lines, without the section."""
    body, section, _ = "\n".join(found.lines).partition(f"\n\n{SECTION}\n")
    assert section
    return body


def section(found: Joined) -> list[str]:
    return list(found.lines[found.lines.index(SECTION) + 1 :])


def without(part: tuple[str, ...], *names: str) -> list[str]:
    return [line for line in part if Requirement(line).name not in names]


def by_name(lines: list[str]) -> list[str]:
    return sorted(lines, key=lambda line: Requirement(line).name)


def told(join: Join, path: Path, text: str, **options: Any) -> tuple[TfcompatError, str, str]:
    """The refusal, its message and its hint, the folder left out."""
    with pytest.raises(TfcompatError) as caught:
        join(text, **options)
    error = caught.value
    return error, error.message.replace(f"{path.parent}/", ""), error.hint.replace(f"{path.parent}/", "")


# -- what is written --------------------------------------------------------------------------------


def test_every_line_keeps_its_place_its_comment_and_its_marker(join: Join) -> None:
    text = """# what we need

old-frame  # for X
numpy>=1.24   # arrays
  # indented
net; python_version >= '3.9'
win; sys_platform == 'win32'  # elsewhere
OLD_frame[extra]<3
"""
    found = join(text)
    assert (
        own(found)
        == """# what we need

old-frame==2.0  # for X
numpy==1.26.4   # arrays
# indented
net==1.0; python_version >= "3.9"
win; sys_platform == "win32"  # elsewhere
OLD_frame[extra]==2.0"""
    )
    assert section(found) == [PART[False][0], *by_name([*without(PART[False][1:], "numpy"), "helper==2.0"])]
    assert found.about == "Joined with your own requirements by uv; together they were not run."


def test_tensorflow_of_the_file_is_that_of_the_plan(join: Join) -> None:
    found = join("tensorflow>=2.12  # ours\nnet")
    assert own(found) == "tensorflow==2.15.1  # ours\nnet==1.0"
    assert section(found) == by_name([*PART[True][1:], "helper==2.0"])
    assert own(join("tensorflow-cpu; sys_platform=='linux'\nnet")) == 'tensorflow-cpu==2.15.1; sys_platform == "linux"\nnet==1.0'
    assert own(join("tensorflow-cpu\nTensorflow.CPU")) == "tensorflow-cpu==2.15.1\ntensorflow-cpu==2.15.1"


@pytest.mark.parametrize(
    ("line", "wishes", "message", "hint"),
    [
        ("tensorflow-gpu", {"cpu": True}, "tensorflow-gpu is for a GPU, and --cpu asks for a plan without one", "leave one of them out"),
        (
            "tensorflow[and-cuda]",
            {"cpu": True},
            "tensorflow[and-cuda] is for a GPU, and --cpu asks for a plan without one",
            "leave one of them out",
        ),
        (
            "tensorflow-cpu",
            {"gpu": True},
            "tensorflow-cpu has no GPU code, and a GPU was asked for",
            "write tensorflow, or leave the GPU out",
        ),
    ],
)
def test_a_name_of_tensorflow_that_contradicts_the_wishes_is_refused(
    join: Join, path: Path, line: str, wishes: dict[str, bool], message: str, hint: str
) -> None:
    with pytest.raises(RequestError) as caught:
        join(f"net\n{line}", request=WISHED._replace(**wishes))  # type: ignore[arg-type]
    assert (caught.value.message, caught.value.hint) == (f"{path}:2: {message}", hint)


@pytest.mark.parametrize("line", ["tensorflow[and-cuda]", "tensorflow-gpu"])
def test_the_extra_and_the_old_name_ask_for_a_gpu(join: Join, line: str) -> None:
    with pytest.raises(Unresolvable) as caught:  # the index has no nvidia-*: the question was right all the same
        join(line)
    assert "nvidia-" in caught.value.said


def test_a_pin_stays_where_the_marker_of_its_line_is_false(join: Join) -> None:
    found = join('net\nnumpy<2; sys_platform == "win32"\ntensorflow==2.15.*; sys_platform == "darwin"')
    assert own(found) == 'net==1.0\nnumpy<2; sys_platform == "win32"\ntensorflow==2.15.*; sys_platform == "darwin"'
    assert section(found)[0].endswith("==2.15.1")
    assert any(line.startswith("numpy==") for line in section(found))


def test_a_file_that_was_made_before_stays_with_its_tensorflow(join: Join) -> None:
    first = join("net")
    text = "\n".join(first.lines)
    assert join(text, request=Request(python="3.11")).lines == first.lines


def test_a_bound_that_does_not_fit_is_named(join: Join, path: Path) -> None:
    (path.parent / "bounds.txt").write_text("werkzeug<1\nnet<9\n", encoding="utf-8")
    _, message, _ = told(join, path, "net\n-c bounds.txt\n")
    assert message.endswith("bounds.txt:1 wants werkzeug<1")


def test_what_requires_tensorflow_by_name_gets_one_tensorflow(join: Join) -> None:
    found = join("plugin")
    assert own(found) == "plugin==1.0"
    assert section(found) == [PART[True][0], *by_name([*PART[True][1:]])]


def test_for_a_gpu_the_extra_stays(join: Join) -> None:
    plan = find_plan(WISHED._replace(gpu=True))
    with pytest.raises(Unresolvable) as caught:  # the index has no nvidia-*: the question was right all the same
        join("tensorflow", request=WISHED._replace(gpu=True))
    assert plan.requirements[0] == "tensorflow[and-cuda]==2.15.1"
    assert caught.value.message == "the pins of tensorflow 2.15.1 for Python 3.11 on linux/amd64 do not resolve from this index"
    assert caught.value.hint == "name another index with --index-url; -v shows what the resolver said"
    assert "nvidia-" in caught.value.said


def test_hashes_stand_below_their_line_and_its_comment_behind_them(join: Join, index: FolderIndex) -> None:
    sha256 = index.add("hashed", "1.0")
    found = join("--require-hashes\nhashed[x]>=1  # why\n", hashes=True)
    assert own(found) == f"--require-hashes\nhashed[x]==1.0 \\\n    --hash=sha256:{sha256}  # why"
    assert all(" \\\n    --hash=sha256:" in line for line in section(found))


def test_includes_are_inlined_and_constraints_are_not(join: Join) -> None:
    files = {
        "base.in": "# the base\nold-frame  # b\n-c more.txt",
        "bounds.txt": "# bounds\nhelper<2\nabsent<1\n",
        "more.txt": "old-frame<3\n",
    }
    found = join("-r base.in  # base\nnet\n-c bounds.txt  # ours\n", files=files)
    assert own(found) == "# -r base.in  # base\n# the base\nold-frame==2.0  # b\n-c more.txt\nnet==1.0\n-c bounds.txt  # ours"
    assert "helper==1.0" in section(found)
    assert not [line for line in section(found) if line.startswith("absent")]


def test_a_constraint_binds_tensorflows_part(join: Join) -> None:
    found = join("-c bounds.txt\nnet\n", files={"bounds.txt": "numpy<1.25\nurllib3<2\n"})
    assert "numpy==1.24.4" in section(found)
    assert "urllib3==1.26.0" in section(found)
    assert found.plan.pins.status == "follows"


def test_a_constraint_on_tensorflow_chooses_it(join: Join) -> None:
    found = join("-c bounds.txt\nnet\n", request=Request(python="3.11"), files={"bounds.txt": "tensorflow<2.14\n"})
    assert found.plan.tensorflow == "2.13.1"
    assert section(found)[0] == "tensorflow==2.13.1"


def test_options_stay_and_lead_to_the_same_files_from_another_folder(join: Join, path: Path) -> None:
    text = "--find-links ./wheels\n--extra-index-url https://me:s3cret@127.0.0.1:9/simple\n-c bounds.txt\n--pre\nold-frame\n"
    files = {"wheels/x": "", "bounds.txt": ""}
    with pytest.raises(TfcompatError) as caught:
        join(text, files=files)
    assert "s3cret" not in str(caught.value) + caught.value.said
    text = text.replace("--extra-index-url https://me:s3cret@127.0.0.1:9/simple\n", "")
    assert own(join(text, files=files)) == text.strip().replace("old-frame", "old-frame==2.0")
    (path.parent / "out").mkdir()
    moved = own(join(text, files=files, folder=path.parent / "out"))
    assert moved == "--find-links ../wheels\n-c ../bounds.txt\n--pre\nold-frame==2.0"


def test_a_request_without_files_is_pinned_by_the_installer_as_well(index: FolderIndex) -> None:
    request = WISHED._replace(packages=("net",))
    found = join_requirements(request, [], find_plan, lambda target: find_installer(target, index.url), find_other)
    assert found.lines == (PART[False][0], *by_name([*PART[False][1:], "net==1.0", "helper==2.0"]))


def test_several_files_are_joined_in_their_order(path: Path, index: FolderIndex) -> None:
    other = path.with_name("other.in")
    path.write_text("net\n")
    other.write_text("old-frame\n")
    found = join_requirements(WISHED, [other, path], find_plan, lambda target: find_installer(target, index.url), find_other)
    assert own(found) == "old-frame==2.0\nnet==1.0"


def test_a_universal_answer_carries_the_markers_of_the_installer(join: Join) -> None:
    text = "split<2; sys_platform=='win32'  # w\nsplit>=2; sys_platform!='win32'\nwin; sys_platform=='win32'\nnet # n\n"
    found = join(text, universal=True)
    assert own(found) == (
        'split==1.0; sys_platform == "win32"  # w\nsplit==2.0; sys_platform != "win32"\nwin==1.0; sys_platform == "win32"\nnet==1.0 # n'
    )
    assert found.about.endswith("by uv; together they were not run. For other platforms and newer interpreters nothing was run.")


def test_pip_joins_as_well(path: Path, index: FolderIndex) -> None:
    import sys

    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    plan = find_other(Request(python=python, cpu=True, tensorflow=">=2.12,<2.19"))
    if plan is None:
        pytest.skip(f"no TensorFlow of the index of these tests has a wheel for Python {python}")
    request = Request(python=python, cpu=True, tensorflow=f"=={plan.tensorflow}")
    path.write_text("net  # n\n")
    try:
        found = join_requirements(request, [path], find_plan, lambda target: Pip(index.url), find_other)
    except Unresolvable:
        pytest.skip(f"the index of these tests has no set for Python {python}")
    assert own(found) == "net==1.0  # n"
    assert found.about.startswith("Joined with your own requirements by pip;")


# -- laws -------------------------------------------------------------------------------------------

LINES = st.sampled_from(
    [
        "net",
        "net  # n",
        "numpy>=1.24",
        "NumPy",
        "tensorflow",
        "tensorflow-cpu>=2 # t",
        "keras",
        "old-frame>1; python_version>'3.8'",
        "win; sys_platform=='win32'",
        "split<2;sys_platform=='win32'",
        "split",
        "plugin[x,a]",
        "",
        "   ",
        "# word",
        "  # other # word",
        "--pre",
        "-c bounds.txt",
        "-r base.in",
        "helper \\\n  >=1",
    ]
)


@pytest.mark.parametrize("options", [{}, {"hashes": True}, {"universal": True}], ids=str)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=5, deadline=None)
@example(lines=["net", "", "", ""])
@example(lines=["", "# top", "-c bounds.txt", "net", "plugin[x,a]", "split", "split<2;sys_platform=='win32'"])
@given(lines=st.lists(LINES, max_size=8))
def test_joining_again_changes_nothing(join: Join, path: Path, lines: list[str], options: dict[str, bool]) -> None:
    files = {"bounds.txt": "# b\nhelper<2\nurllib3<2\n", "base.in": "old-frame # o\n"}
    try:
        first = join("\n".join(lines), files=files, **options)
    except RequestError as error:
        assert "holds no requirement" in error.message  # noqa: PT017
        return
    text = render_requirements(first.plan, MATRIX.measured, first.lines, first.about)
    second = join(text, **options)
    assert render_requirements(second.plan, MATRIX.measured, second.lines, second.about) == text


def test_what_was_pinned_stays_when_newer_releases_come(join: Join, index: FolderIndex) -> None:
    index.add("growing", "1.0")
    index.add("user", "1.0", "growing")
    found = join("user")
    assert "growing==1.0" in section(found)
    index.add("growing", "2.0")
    assert join("\n".join(found.lines)).lines == found.lines
    moved = join("\n".join(found.lines).replace("user==1.0", "user\ngrowing>1", 1))
    assert own(moved) == "user==1.0\ngrowing==2.0"
    assert "growing==2.0" in section(join("user"))


# -- conflicts --------------------------------------------------------------------------------------


def test_a_conflict_names_both_lines_and_the_nearest_that_fits(join: Join, path: Path) -> None:
    error, message, hint = told(join, path, "net\n\nold-frame==1.0  # old\n")
    assert isinstance(error, Contradiction)
    assert error.exit_code == 1
    assert message == (
        "your requirements do not go with tensorflow 2.15.1\n"
        "  requirements.in:3 wants old-frame==1.0; that excludes numpy==1.26.4, which tensorflow 2.15.1 was verified with"
    )
    assert hint == "the nearest that goes with them: tensorflow 2.13.1 on Python 3.11 (--tensorflow 2.13); or loosen these lines"
    assert [(misfit.line.where, misfit.excludes) for misfit in error.misfits] == [(f"{path}:3", ("numpy==1.26.4",))]
    assert error.nearest is not None
    assert error.nearest.tensorflow == "2.13.1"
    assert "numpy<1.25" in error.said


def test_the_nearest_that_fits_may_be_newer(join: Join, path: Path) -> None:
    _, message, hint = told(join, path, "new-frame\n")
    assert message.endswith("requirements.in:1 wants new-frame; that excludes numpy==1.26.4, which tensorflow 2.15.1 was verified with")
    assert hint == "the nearest that goes with them: tensorflow 2.18.1 on Python 3.11 (--tensorflow 2.18); or loosen these lines"


def test_where_the_file_names_tensorflow_the_way_out_names_its_line(join: Join, path: Path) -> None:
    _, _, hint = told(join, path, "tensorflow==2.15.*\nold-frame<2\n", request=Request(python="3.11"))
    assert hint == (
        "the nearest that goes with them: tensorflow 2.13.1 on Python 3.11 (--tensorflow 2.13, and no other in requirements.in:1); "
        "or loosen these lines"
    )


def test_every_line_that_does_not_fit_is_named(join: Join, path: Path) -> None:
    _, message, _ = told(join, path, "net\nold-frame<2\nsplit\nold-six # six\nhelper\n")
    assert message == (
        "your requirements do not go with tensorflow 2.15.1\n"
        "  requirements.in:2 wants old-frame<2; that excludes numpy==1.26.4, which tensorflow 2.15.1 was verified with\n"
        "  requirements.in:4 wants old-six; that excludes six==1.17.0, which tensorflow 2.15.1 was verified with"
    )


def test_lines_that_only_together_do_not_fit_are_named_and_no_others(join: Join, path: Path) -> None:
    error, _, hint = told(join, path, "net\nleft\nsplit\nright\nhelper\n")
    assert isinstance(error, Contradiction)
    assert [misfit.line.text for misfit in error.misfits] == ["left", "right"]
    assert all(len(misfit.excludes) == 1 and misfit.excludes[0].startswith("absl-py==") for misfit in error.misfits)
    assert error.nearest is None
    assert re.sub(r"\d+", "N", hint) == (
        "none of the N nearest other releases of TensorFlow goes with them; loosen these lines; -v shows what the resolver said"
    )


def test_what_does_not_resolve_by_itself_is_told_before_anything_else(join: Join, path: Path) -> None:
    error, message, hint = told(join, path, "absent-package\nold-frame==1.0\n")
    assert type(error) is Unresolvable
    assert message == (
        "your requirements do not resolve by themselves for Python 3.11 on linux/amd64\n  requirements.in:1 wants absent-package"
    )
    assert hint.startswith("none of the ")
    assert "absent-package was not found" in error.said


def test_the_resolver_of_this_package_explains_what_it_knows(join: Join, path: Path) -> None:
    with pytest.raises(ResolutionImpossible) as caught:
        join("net\nnumpy>=2\n")
    assert {wish.where for wish in caught.value.core.wishes.values()} >= {"--tensorflow", f"{path}:2"}


def test_the_resolver_of_this_package_explains_a_file_that_names_tensorflow(join: Join, path: Path) -> None:
    with pytest.raises(ResolutionImpossible) as caught:
        join("tensorflow==2.15.1\nnumpy>=2\n", request=Request(python="3.11"))
    assert {wish.where for wish in caught.value.core.wishes.values()} >= {f"{path}:1", f"{path}:2"}


# -- what is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "\n", "# word\n", "--pre\n", "-c bounds.txt\n"])
def test_a_file_without_a_requirement_is_an_error(join: Join, path: Path, text: str) -> None:
    _, message, hint = told(join, path, text, files={"bounds.txt": "numpy<3\n"})
    assert (message, hint) == ("requirements.in holds no requirement", "name a file with lines such as 'numpy>=1.26'")


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("--use-feature=x", "requirements.in:2: the option --use-feature is not known", "take the line out of the file given with -r"),
        ("--pre --no-index", "requirements.in:2: there is more than one option in the line", "write each into a line of its own"),
        (
            "--pre=/x/setup.py",
            "requirements.in:2: the option --pre takes no value",
            "write it as pip's documentation has it, or take the line out",
        ),
        (
            "--trusted-host",
            "requirements.in:2: the option --trusted-host needs a value",
            "write it as pip's documentation has it, or take the line out",
        ),
        ("-f x --no-index", "requirements.in:2: there is more than one option in the line", "write each into a line of its own"),
        ("--require-hashes", "requirements.in:2: --require-hashes asks for pins with hashes", "add --hashes, or take the line out"),
        ("--find-links ./x", "requirements.in:2: --find-links names ./x, which is not there", "check the path"),
        ("-fx", "requirements.in:2: -f names x, which is not there", "check the path"),
    ],
)
def test_an_option_that_cannot_be_honoured_is_refused(join: Join, path: Path, line: str, message: str, hint: str) -> None:
    error, *said = told(join, path, f"net\n{line}\n")
    assert (error.exit_code, said) == (2, [message, hint])
