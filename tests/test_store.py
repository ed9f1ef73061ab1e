"""What is kept on disk: nothing damaged is believed, no name leads out of the folder, no folder is worth an error."""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfcompat.errors import CouldNotCheck
from tfcompat.registry.listings import fresh_listing, keep_listing, known_listing
from tfcompat.registry.records import Listing, TagEntry
from tfcompat.registry.store import Store, digest_of

HOSTILE = [
    "", ".", "..", "...", "../../etc/passwd", "/etc/passwd", "a/b", "a\\b", "a", "A", "a.json", "a b", "%", "%2F", "%2e", "~", "-", "nul", "\0",
    "a\nb", "ü", "u\u0308", "名前", "\U0001f40d", "\ud800", "x" * 300, "x" * 299 + "y", "%%" + digest_of(b"x" * 300)[7:], "ü" * 100, "https://hub.docker.com", "library/python",
]  # fmt: skip
OVER_FILES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if not path.is_dir())


# -- contents by digest --------------------------------------------------------------------------


def test_a_digest_is_sha256_in_hexadecimal() -> None:
    assert digest_of(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("content", [b"", b"{}", bytes(range(256)) * 100])
def test_a_content_comes_back_by_its_digest(store: Store, content: bytes) -> None:
    digest = digest_of(content)
    assert store.read_content(digest) is None
    store.keep_content(digest, content)
    assert store.read_content(digest) == content


@pytest.mark.parametrize("damaged", [b"", b"{", b'{"config": 2}', b'{"config": 1}\n'])
def test_a_damaged_content_is_not_believed_and_can_be_kept_anew(store: Store, damaged: bytes) -> None:
    content = b'{"config": 1}'
    store.keep_content(digest_of(content), content)
    (path,) = files(store.folder)
    path.write_bytes(damaged)
    assert store.read_content(digest_of(content)) is None
    store.keep_content(digest_of(content), content)
    assert store.read_content(digest_of(content)) == content


def test_what_does_not_have_the_digest_is_not_kept(store: Store) -> None:
    store.keep_content(digest_of(b"one"), b"another")
    assert not store.folder.exists()


@pytest.mark.parametrize(
    "digest",
    [
        "",
        "sha256:",
        "sha256:" + "a" * 63,
        "sha256:" + "A" * 64,
        "sha512:" + "a" * 64,
        "sha256:../../../etc/passwd",
        "../x",
        "sha256:" + "a" * 64 + "\n",
    ],
)
def test_what_is_no_digest_names_nothing(store: Store, digest: str, tmp_path: Path) -> None:
    assert store.read_content(digest) is None
    store.keep_content(digest, b"x")
    assert files(tmp_path) == []


def test_a_file_too_large_is_not_read(store: Store) -> None:
    digest = digest_of(b"x")
    store.keep_content(digest, b"x")
    (path,) = files(store.folder)
    with path.open("wb") as file:
        file.truncate((64 << 20) + 1)
    assert store.read_content(digest) is None


# -- documents by name ---------------------------------------------------------------------------


def test_a_document_comes_back_by_its_name(store: Store) -> None:
    store.keep_document("tags", "https://host:5000/v2", "library/python", "3.11", document={"a": [1, None, "ü\ud800"]})
    assert store.read_document("tags", "https://host:5000/v2", "library/python", "3.11") == {"a": [1, None, "ü\ud800"]}
    assert store.read_document("tags", "https://host:5000/v2", "library", "python", "3.11") is None


def test_no_name_leads_out_of_the_folder_or_onto_another(store: Store, tmp_path: Path) -> None:
    names = [(name,) for name in HOSTILE] + [("tags", name) for name in HOSTILE] + [(name, "tags") for name in HOSTILE] + [("", "")]
    for number, name in enumerate(names):
        store.keep_document(*name, document={"number": number})
    assert [store.read_document(*name) for name in names] == [{"number": number} for number, name in enumerate(names)]
    assert files(tmp_path) == files(store.folder)
    assert all(path.parts[: len(store.folder.parts)] == store.folder.parts for path in files(tmp_path))


@OVER_FILES
@given(st.lists(st.lists(st.sampled_from(HOSTILE) | st.text(max_size=12), min_size=1, max_size=3).map(tuple), unique=True, max_size=4))
def test_every_name_has_a_file_of_its_own(tmp_path: Path, names: list[tuple[str, ...]]) -> None:
    store = Store(tmp_path / "cache")
    paths = [Path(os.path.normpath(store._document(name))) for name in names]
    assert len(set(paths)) == len(names)
    assert all(store.folder in path.parents and path == store._document(name) for path, name in zip(paths, names, strict=True))


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"5", b'"x"', b"\xff\xfe", b"{'a': 1}", b"[" * 100_000, b'{"a": ' + b"9" * 5_000 + b"}"]
)
def test_a_damaged_document_is_none(store: Store, content: bytes) -> None:
    store.keep_document("a", document={})
    (path,) = files(store.folder)
    path.write_bytes(content)
    assert store.read_document("a") is None


# -- the folder ----------------------------------------------------------------------------------


def test_nothing_half_written_stays(store: Store, tmp_path: Path) -> None:
    contents = [str(i).encode() * 1_000 for i in range(20)]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            list(pool.map(lambda c: store.keep_content(digest_of(c), c), contents))
            list(pool.map(lambda i: store.keep_document("same", document={"i": [i] * 1_000}), range(20)))
    assert all(store.read_content(digest_of(c)) == c for c in contents)
    assert [path for path in files(tmp_path) if ".part" in path.name] == []
    assert len(files(tmp_path)) == 21


def test_a_write_that_fails_leaves_what_was_there(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.keep_document("a", document={"old": 1})

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    store.keep_document("a", document={"new": 1})
    assert store.read_document("a") == {"old": 1}
    assert len(files(store.folder)) == 1


def test_an_interrupted_write_leaves_nothing_behind(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        store.keep_document("a", document={})
    assert files(store.folder) == []


@pytest.mark.parametrize("folder", ["/proc/nowhere", "/dev/null/cache", "{file}", "{file}/below", "/" + "x" * 300])
def test_a_folder_that_cannot_be_written_costs_no_error(folder: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    store = Store(Path(folder.format(file=tmp_path / "file")))
    store.keep_content(digest_of(b"x"), b"x")
    store.keep_document("a", document={})
    assert (store.read_content(digest_of(b"x")), store.read_document("a")) == (None, None)
    assert files(tmp_path) == [tmp_path / "file"]


def test_a_folder_in_the_place_of_a_file_costs_no_error(store: Store) -> None:
    store._document(("a",)).mkdir(parents=True)
    store.keep_document("a", document={})
    assert store.read_document("a") is None
    assert files(store.folder) == []


def test_what_is_kept_is_the_users_own(store: Store) -> None:
    store.keep_document("a", document={})
    (path,) = files(store.folder)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_pages_have_a_folder_of_their_own(store: Store) -> None:
    assert store.pages == str(store.folder / "pages")


# -- listings ------------------------------------------------------------------------------------

SOURCE, REPOSITORY = "https://hub.docker.com", "tensorflow/tensorflow"
NOW = 1_730_000_000.0
DIGESTS = st.binary(max_size=4).map(digest_of)
ENTRIES = st.builds(
    TagEntry,
    st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True),
    st.none() | DIGESTS,
    st.dictionaries(st.sampled_from(["linux/amd64", "linux/arm64", "linux/arm/v7"]), st.none() | DIGESTS),
    st.none() | st.integers(0, 1 << 50),
    st.none() | st.just("2024-10-24T18:53:45.000000000Z"),
)
TAG = TagEntry(
    "2.18.0-gpu", digest_of(b"index"), {"linux/amd64": digest_of(b"manifest"), "linux/arm64": None}, 3_400_000_000, "2024-10-24T18:53:45Z"
)


def listing(*tags: TagEntry, complete: bool = True) -> Listing:
    return Listing(REPOSITORY, tags, "", SOURCE, complete)


@OVER_FILES
@given(st.lists(ENTRIES, max_size=4), st.integers(0, 4_000_000_000))
def test_a_listing_comes_back_as_it_was(tmp_path: Path, tags: list[TagEntry], now: int) -> None:
    store = Store(tmp_path)
    kept = keep_listing(store, SOURCE, listing(*tags), now)
    assert known_listing(store, SOURCE, REPOSITORY) == kept == listing(*tags)._replace(asked=kept.asked)
    assert fresh_listing(store, SOURCE, REPOSITORY, now, 1) == kept
    assert fresh_listing(store, SOURCE, REPOSITORY, now, 0) is None
    assert fresh_listing(store, SOURCE, REPOSITORY, now - 5, 300) is None  # a clock that was set back


def test_a_listing_says_when_it_was_asked_for(store: Store) -> None:
    assert keep_listing(store, SOURCE, listing(TAG), NOW).asked == "2024-10-27T03:33:20+00:00"


def test_listings_of_other_sources_and_repositories_stay_apart(store: Store) -> None:
    keep_listing(store, SOURCE, listing(TAG), NOW)
    assert known_listing(store, "https://mirror", REPOSITORY) is None
    assert known_listing(store, SOURCE, "tensorflow") is None
    assert known_listing(store, SOURCE + "/tensorflow", "tensorflow") is None


def test_a_listing_in_part_replaces_none_that_was_whole(store: Store) -> None:
    keep_listing(store, SOURCE, listing(TAG), NOW)
    assert not keep_listing(store, SOURCE, listing(complete=False), NOW + 1).complete
    found = known_listing(store, SOURCE, REPOSITORY)
    assert found is not None
    assert found.tags == (TAG,)


@pytest.mark.parametrize("name", ["", "a b", "\x1b[2J", "-a", "ü", "\ud800", "x" * 129, "../x"])
def test_a_name_that_no_tag_can_have_is_refused(store: Store, name: str) -> None:
    with pytest.raises(CouldNotCheck) as caught:
        keep_listing(store, SOURCE, listing(TAG, TagEntry(name)), NOW)
    assert caught.value.message == f"hub.docker.com lists a tag with the name {ascii(name)[:80]}"
    assert caught.value.hint == "check the address of the registry"
    assert known_listing(store, SOURCE, REPOSITORY) is None


ROW: list[Any] = [*TAG[:2], dict(TAG.platforms), *TAG[3:]]
DOCUMENT: dict[str, Any] = {"version": 1, "asked": "2024-10-27T03:33:20+00:00", "tags": [ROW]}


def test_the_document_of_a_listing_is_as_the_damaged_ones_below_but_whole(store: Store) -> None:
    store.keep_document("listings", SOURCE, REPOSITORY, document=DOCUMENT)
    found = known_listing(store, SOURCE, REPOSITORY)
    assert found is not None
    assert found.tags == (TAG,)


@pytest.mark.parametrize(
    "damage",
    [
        {"version": 0},
        {"version": 2},
        {"version": "1"},
        {"version": None},
        {"tags": None},
        {"tags": 5},
        {"tags": {"abc": 1}},
        {"tags": [[]]},
        {"tags": [5]},
        {"tags": ["abc"]},
        {"tags": [[5, *ROW[1:]]]},
        {"tags": [["a b", *ROW[1:]]]},
        {"tags": [[*ROW[:1], 5, *ROW[2:]]]},
        {"tags": [[*ROW[:2], None, *ROW[3:]]]},
        {"tags": [[*ROW[:2], ["linux/amd64"], *ROW[3:]]]},
        {"tags": [[*ROW[:2], [["linux/amd64", None]], *ROW[3:]]]},
        {"tags": [[*ROW[:2], {"linux/amd64": 5}, *ROW[3:]]]},
        {"tags": [[*ROW[:3], "large", *ROW[4:]]]},
        {"tags": [[*ROW[:4], 5]]},
        {"tags": [[*ROW, 5]]},
    ],
)
def test_a_listing_of_another_version_or_damaged_is_none(store: Store, damage: dict[str, Any]) -> None:
    store.keep_document("listings", SOURCE, REPOSITORY, document=DOCUMENT | damage)
    assert known_listing(store, SOURCE, REPOSITORY) is None
    assert fresh_listing(store, SOURCE, REPOSITORY, 2e9, 2e9) is None


@pytest.mark.parametrize("key", DOCUMENT)
def test_a_listing_that_lacks_something_is_none(store: Store, key: str) -> None:
    store.keep_document("listings", SOURCE, REPOSITORY, document={k: v for k, v in DOCUMENT.items() if k != key})
    assert known_listing(store, SOURCE, REPOSITORY) is None


@pytest.mark.parametrize("asked", ["", "yesterday", "0001-01-01T00:00:00", 5, None, "2024-13-01T00:00:00+00:00"])
def test_a_listing_without_a_time_is_not_fresh(store: Store, asked: Any) -> None:
    store.keep_document("listings", SOURCE, REPOSITORY, document=DOCUMENT | {"asked": asked})
    assert fresh_listing(store, SOURCE, REPOSITORY, 2e9, 2e9) is None


def test_the_documents_are_plain_json(store: Store) -> None:
    keep_listing(store, SOURCE, listing(TAG), NOW)
    (path,) = files(store.folder)
    assert path.relative_to(store.folder) == Path("listings/https%3A%2F%2Fhub%2Edocker%2Ecom/tensorflow%2Ftensorflow.json")
    assert json.loads(path.read_text(encoding="ascii")) == DOCUMENT
