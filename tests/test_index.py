"""The index says which files a project has; what it cannot say is an error with a remedy, never a guess."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from index_server import Answer, IndexServer, open_session, refusing_base, serve_index
from tfcompat.errors import CouldNotCheck
from tfcompat.pypi.index import Release, SimpleIndex, group_releases, open_index

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = "/simple/tensorflow/"


@pytest.fixture
def server() -> Iterator[IndexServer]:
    with serve_index() as found:
        yield found


def fetch(server: IndexServer, project: str = "tensorflow") -> list[Release]:
    with open_session() as session:
        return SimpleIndex(session, server.base).fetch_releases(project)


def versions(releases: list[Release]) -> list[str]:
    return [str(r.version) for r in releases]


def wheel(version: str, tag: str = "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64") -> str:
    return f"tensorflow-{version}-{tag}.whl"


# -- what is on the page -------------------------------------------------------------------------


def test_final_releases_come_oldest_first_and_others_not_at_all(server: IndexServer) -> None:
    for version in ("2.10.0", "2.9.3", "2.16.0rc0", "2.17.0.dev20240101", "2.9.0a1", "2.15.0.post1"):
        server.add("tensorflow", wheel(version))
    assert versions(fetch(server)) == ["2.9.3", "2.10.0", "2.15.0.post1"]


def test_a_release_with_only_a_source_archive_is_kept_without_wheels(server: IndexServer) -> None:
    server.add("tensorflow", "tensorflow-2.6.4.tar.gz")
    server.add("tensorflow", "tensorflow-2.6.5.zip")
    assert [(str(r.version), r.wheels) for r in fetch(server)] == [("2.6.4", ()), ("2.6.5", ())]


def test_a_wheel_carries_what_the_page_says_of_it(server: IndexServer) -> None:
    url = server.add("tensorflow", wheel("2.16.1"), uploaded="2024-03-08", requires_python=">=3.9")
    (release,) = fetch(server)
    (found,) = release.wheels
    assert (found.filename, found.url, found.requires_python) == (wheel("2.16.1"), url, ">=3.9")
    assert found.uploaded == "2024-03-08"
    assert len(found.sha256) == 64
    assert {t.platform for t in found.tags} == {"manylinux_2_17_x86_64", "manylinux2014_x86_64"}


@pytest.mark.parametrize(
    ("cells", "metadata"),
    [
        ({}, None),
        ({"core-metadata": {"sha256": "ab"}}, "ab"),
        ({"dist-info-metadata": {"sha256": "ab"}}, "ab"),
        ({"core-metadata": {"sha256": "ab"}, "dist-info-metadata": {"sha256": "cd"}}, "ab"),
        ({"core-metadata": True}, ""),
        ({"core-metadata": {}}, ""),
        ({"core-metadata": {"sha512": "ab"}}, ""),
        ({"core-metadata": False}, None),
        ({"core-metadata": False, "dist-info-metadata": True}, None),
        ({"core-metadata": None}, None),
        ({"core-metadata": "yes"}, None),
        ({"core-metadata": ["ab"]}, None),
    ],
)
def test_a_page_says_whether_metadata_is_kept_beside_a_wheel(server: IndexServer, cells: dict[str, Any], metadata: str | None) -> None:
    server.add("tensorflow", wheel("2.16.1"), **cells)
    assert fetch(server)[0].wheels[0].metadata == metadata


def test_a_release_is_dated_by_its_first_upload(server: IndexServer) -> None:
    server.add("tensorflow", wheel("2.16.1"), uploaded="2024-03-09")
    server.add("tensorflow", wheel("2.16.1", "cp312-cp312-win_amd64"), uploaded="2024-03-08")
    assert fetch(server)[0].released == "2024-03-08"


def test_a_release_is_yanked_when_all_its_files_are(server: IndexServer) -> None:
    server.add("tensorflow", wheel("2.1.0"), yanked="broken")
    server.add("tensorflow", wheel("2.1.0", "cp312-cp312-win_amd64"), yanked=False)
    server.add("tensorflow", wheel("2.2.0"), yanked="broken")
    half, whole = fetch(server)
    assert [w.yanked for w in half.wheels] == [True, False]
    assert (half.yanked, whole.yanked) == (False, True)


@pytest.mark.parametrize(
    "filename",
    ["tensorflow.whl", "tensorflow-latest-py3-none-any.whl", "tensorflow-2.0-py2.7.egg", "tensorflow-2.0.win32.exe", "README", ""],
)
def test_malformed_file_names_are_passed_over(server: IndexServer, filename: str) -> None:
    server.add("tensorflow", filename)
    server.add("tensorflow", wheel("2.16.1"))
    assert versions(fetch(server)) == ["2.16.1"]


def test_a_project_is_asked_for_by_its_canonical_name(server: IndexServer) -> None:
    server.add("tf-keras", "tf_keras-2.16.0-py3-none-any.whl")
    assert versions(fetch(server, "TF_Keras")) == ["2.16.0"]
    assert server.requests == ["/simple/tf-keras/"]


def test_a_base_without_a_slash_is_the_same_base(server: IndexServer) -> None:
    server.add("tensorflow", wheel("2.16.1"))
    with open_session() as session:
        index = SimpleIndex(session, server.base.rstrip("/"))
        assert versions(index.fetch_releases("tensorflow")) == ["2.16.1"]


def test_a_relative_url_is_relative_to_the_page(server: IndexServer) -> None:
    url = server.add("tensorflow", wheel("2.16.1"))
    server.projects["tensorflow"][0]["url"] = f"../../files/{wheel('2.16.1')}"
    assert fetch(server)[0].wheels[0].url == url


def test_no_files_are_no_releases() -> None:
    assert group_releases([]) == []


# -- what goes wrong -----------------------------------------------------------------------------


def failure(server: IndexServer, *answers: Answer) -> CouldNotCheck:
    server.answer(PAGE, *answers)
    with pytest.raises(CouldNotCheck) as caught:
        fetch(server)
    assert caught.value.exit_code == 3
    return caught.value


def test_a_refused_connection_names_the_address_and_the_remedy() -> None:
    with refusing_base() as base, open_session() as session, pytest.raises(CouldNotCheck) as caught:
        SimpleIndex(session, base).fetch_releases("tensorflow")
    assert caught.value.message.startswith(f"the package index could not be read at {base}tensorflow/: ConnectionError: ")
    assert "refused" in caught.value.message
    assert caught.value.hint == "check the network and the proxy, or name another index with --index-url; nothing was changed"


def test_a_project_that_the_index_does_not_have_is_an_error(server: IndexServer) -> None:
    error = failure(server)
    assert error.message == (
        f"the package index could not be read at {server.root}{PAGE}: HTTPError: 404 Client Error: Not Found for url: {server.root}{PAGE}"
    )


def test_a_page_in_html_is_an_error(server: IndexServer) -> None:
    error = failure(server, Answer(body=b"<!DOCTYPE html><a href=x>x</a>", headers={"Content-Type": "text/html"}))
    assert error.message.startswith(f"the package index could not be read at {server.root}{PAGE}: JSONDecodeError: ")


def wheel_entry(**cells: Any) -> dict[str, Any]:
    entry = {"filename": wheel("2.1.0"), "url": "http://127.0.0.1/x", "hashes": {"sha256": "0"}, "upload-time": "2024-01-02T00:00:00Z"}
    return {key: value for key, value in {**entry, **cells}.items() if value is not None}


@pytest.mark.parametrize(
    "page",
    [
        pytest.param({}, id="no files"),
        pytest.param([], id="a list"),
        pytest.param("files", id="a string"),
        pytest.param({"files": None}, id="files null"),
        pytest.param({"files": "tensorflow"}, id="files a string"),
        pytest.param({"files": {"a": 1}}, id="files an object"),
        pytest.param({"files": [1]}, id="a file that is a number"),
        pytest.param({"files": [wheel_entry(filename=None)]}, id="no filename"),
        pytest.param({"files": [wheel_entry(url=None)]}, id="no url"),
        pytest.param({"files": [wheel_entry(hashes=None)]}, id="no hashes"),
        pytest.param({"files": [wheel_entry(**{"upload-time": None})]}, id="no upload-time"),
    ],
)
def test_json_that_is_no_project_page_is_an_error(server: IndexServer, page: object) -> None:
    error = failure(server, Answer(body=json.dumps(page).encode()))
    assert error.message.startswith(f"the package index could not be read at {server.root}{PAGE}: ")


def test_a_page_that_breaks_off_is_an_error(server: IndexServer) -> None:
    server.add("tensorflow", wheel("2.16.1"))
    error = failure(server, Answer(whole=True, cut=40))
    assert error.message.startswith(f"the package index could not be read at {server.root}{PAGE}: ")


def test_an_endless_page_is_left_at_the_limit(server: IndexServer) -> None:
    error = failure(server, Answer(body=b" " * (1 << 20), repeat=160))
    assert error.message == f"{server.root}{PAGE} is larger than 64 MiB"
    assert server.sent < 80 << 20


# -- the session with its patience and its cache --------------------------------------------------


@pytest.fixture
def patient(server: IndexServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleIndex]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server.add("tensorflow", wheel("2.16.1"))
    index, session = open_index(tmp_path, server.base)
    with session:
        yield index


def test_a_server_error_is_tried_again(server: IndexServer, patient: SimpleIndex) -> None:
    server.answer(PAGE, Answer(status=500))
    assert versions(patient.fetch_releases("tensorflow")) == ["2.16.1"]
    assert server.asked(PAGE) == 2


def test_a_request_to_wait_is_heeded(server: IndexServer, patient: SimpleIndex) -> None:
    server.answer(PAGE, Answer(status=429, headers={"Retry-After": "0"}), Answer(status=429, headers={"Retry-After": "1"}))
    assert versions(patient.fetch_releases("tensorflow")) == ["2.16.1"]
    assert server.asked(PAGE) == 3


def test_a_page_that_may_be_cached_is_asked_for_once(server: IndexServer, patient: SimpleIndex) -> None:
    page = server.body_of(PAGE) or b""
    server.answer(PAGE, Answer(body=page, headers={"Cache-Control": "max-age=600", "Content-Type": "application/json"}))
    assert patient.fetch_releases("tensorflow") == patient.fetch_releases("tensorflow")
    assert server.asked(PAGE) == 1
