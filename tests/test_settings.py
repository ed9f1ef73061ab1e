"""Where registries are: the option, then the variable, then the nearest pyproject.toml; and what is refused, with a remedy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfcompat.errors import RequestError
from tfcompat.registry.settings import Settings, load_settings

NOWHERE = Path("/nonexistent/folder")
SECRET = "hunter2"
ADDRESS = "write for instance https://registry.example.org"
PAIR = "write for instance docker.io=https://mirror.example.org"
LOG_IN = "leave them out, and log in with 'docker login'"


def load(options: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None, folder: Path = NOWHERE) -> Settings:
    return load_settings(options or {}, environ or {}, folder)


def refusal(options: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None, folder: Path = NOWHERE) -> tuple[str, str]:
    with pytest.raises(RequestError) as caught:
        load(options, environ, folder)
    assert len(str(caught.value)) < 500
    return caught.value.message, caught.value.hint


def project(folder: Path, table: str) -> Path:
    """A pyproject.toml with these lines below ``[tool.tfcompat.registry]``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(f"[tool.tfcompat.registry]\n{table}\n", encoding="utf-8")
    return folder


# -- precedence ----------------------------------------------------------------------------------


def test_without_settings_docker_hub_is_asked() -> None:
    assert load() == Settings("https://hub.docker.com", {}, None, 30.0, 300)
    assert not load().mirrored


@pytest.mark.parametrize(
    ("key", "variable", "option", "environ", "table", "field", "expected"),
    [
        ("hub-url", "TFCOMPAT_HUB_URL", "https://a", "https://b", "'https://c'", "hub", ("https://a", "https://b", "https://c")),
        ("cache", "TFCOMPAT_CACHE", "/a", "/b", "'/c'", "cache", (Path("/a"), Path("/b"), Path("/c"))),
        ("timeout", "TFCOMPAT_TIMEOUT", "1", "2.5", "3", "timeout", (1.0, 2.5, 3.0)),
        ("max-age", "TFCOMPAT_MAX_AGE", "0", "2", "3", "max_age", (0, 2, 3)),
        (
            "registries",
            "TFCOMPAT_REGISTRIES",
            ["docker.io=https://a"],
            "docker.io=https://b  ghcr.io=http://c:5000/",
            "{ 'docker.io' = 'https://d' }",
            "registries",
            ({"docker.io": "https://a"}, {"docker.io": "https://b", "ghcr.io": "http://c:5000"}, {"docker.io": "https://d"}),
        ),
    ],
)
def test_an_option_beats_a_variable_beats_the_project(
    key: str, variable: str, option: Any, environ: str, table: str, field: str, expected: tuple[Any, ...], tmp_path: Path
) -> None:
    project(tmp_path, f"{key} = {table}")
    assert getattr(load({key: option}, {variable: environ}, tmp_path), field) == expected[0]
    assert getattr(load({key: None}, {variable: environ}, tmp_path), field) == expected[1]
    assert getattr(load({}, {variable: ""}, tmp_path), field) == expected[2]


def test_no_registry_option_is_no_setting(tmp_path: Path) -> None:
    project(tmp_path, "registries = ['ghcr.io=https://x/']")
    assert load({"registries": []}, {}, tmp_path).registries == {"ghcr.io": "https://x"}


def test_the_nearest_project_counts_alone(tmp_path: Path) -> None:
    project(tmp_path, "timeout = 5\nmax-age = 6")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert load(folder=below)[3:] == (5.0, 6)
    project(tmp_path / "a", "timeout = 7")
    assert load(folder=below)[3:] == (7.0, 300)


def test_a_folder_of_that_name_is_no_project(tmp_path: Path) -> None:
    project(tmp_path, "timeout = 5")
    below = tmp_path / "a"
    (below / "pyproject.toml").mkdir(parents=True)
    assert load(folder=below).timeout == 5.0


@pytest.mark.parametrize("text", ["", "[tool]", "[tool.other]\ntfcompat = 1", "[tool.tfcompat]\nregistry = {}", "[project]\nname = 'x'"])
def test_a_project_without_the_table_changes_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert load(folder=tmp_path) == Settings()


def test_the_home_folder_may_be_written_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert load({"cache": "~/kept"}).cache == Path("/home/somebody/kept")
    assert load({"cache": Path("~/kept")}).cache == Path("/home/somebody/kept")


# -- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "hub.docker.com",
        "ftp://hub.docker.com",
        "https://",
        "https:///v2",
        "https://host:0",
        "https://host:99999",
        "https://host:port",
        "http://[",
        "http://[::1",
        "https://host?page=1",
        "https://host#top",
        "https://a b",
        "https://host/\n",
        "https://host/\x1b[2J",
        "",
        " ",
        " https://host",
    ],
)
def test_an_address_that_cannot_be_asked_is_refused(value: str) -> None:
    assert refusal({"hub-url": value}) == (f"--hub-url: {value!r} is not an address", ADDRESS)
    if value.strip():
        assert refusal({}, {"TFCOMPAT_HUB_URL": value}) == (f"TFCOMPAT_HUB_URL: {value!r} is not an address", ADDRESS)


@pytest.mark.parametrize(
    ("given", "shown"),
    [("https://host", "https://host"), ("http://host:8080/hub//", "http://host:8080/hub"), ("https://[::1]:5000", "https://[::1]:5000")],
)
def test_an_address_is_kept_without_the_last_slash(given: str, shown: str) -> None:
    assert load({"hub-url": given}).hub == shown


def test_a_long_value_is_cut_in_the_message() -> None:
    value = "x" * 5_000
    assert refusal({"hub-url": value}) == (f"--hub-url: {repr(value)[:80]}... is not an address", ADDRESS)


@pytest.mark.parametrize(
    "value",
    [
        f"https://user:{SECRET}@host",
        f"https://{SECRET}@host",
        f"https://user:{SECRET}@host?query",
        f"ftp://user:{SECRET}@host",
        f"https://user:{SECRET}@",
        f"https://user:{SECRET}@[",
        f"user:{SECRET}@host",
    ],
)
def test_credentials_in_an_address_are_refused_without_being_shown(value: str, tmp_path: Path) -> None:
    project(tmp_path, f"hub-url = '{value}'")
    place = f"{tmp_path / 'pyproject.toml'}: [tool.tfcompat.registry] hub-url"
    assert refusal({"hub-url": value}) == ("--hub-url: the address holds credentials", LOG_IN)
    assert refusal({}, {"TFCOMPAT_HUB_URL": value}) == ("TFCOMPAT_HUB_URL: the address holds credentials", LOG_IN)
    assert refusal(folder=tmp_path) == (f"{place}: the address holds credentials", LOG_IN)
    for registry in (value, f"docker.io={value}"):
        assert refusal({"registries": [registry]}) == ("--registry: the address holds credentials", LOG_IN)
        assert refusal({}, {"TFCOMPAT_REGISTRIES": registry})[0] == "TFCOMPAT_REGISTRIES: the address holds credentials"


@given(st.text(alphabet=":/@[]?#= ahtps", max_size=20), st.sampled_from(["hub-url", "registries"]))
def test_no_credentials_are_ever_shown(text: str, key: str) -> None:
    value = f"{text}{SECRET}@{text}"
    message, _ = refusal({key: [value] if key == "registries" else value})
    assert SECRET not in message


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("docker.io", "'docker.io'"),
        ("docker.io=", "'docker.io'"),
        ("=https://mirror", "''"),
        ("https://mirror.example.org", "'https://mirror.example.org'"),
        ("https://docker.io=https://mirror", "'https://docker.io'"),
        ("DOCKER.IO=https://mirror", "'DOCKER.IO'"),
        ("docker.io/library=https://mirror", "'docker.io/library'"),
        ("a b=https://mirror", "'a b'"),
        ("", "''"),
    ],
)
def test_a_registry_is_a_host_and_an_address(value: str, shown: str) -> None:
    assert refusal({"registries": [value]}) == (f"--registry: {shown} is not HOST=URL", PAIR)


def test_the_address_of_a_registry_is_an_address() -> None:
    assert refusal({"registries": ["docker.io=mirror"]}) == ("--registry: 'mirror' is not an address", ADDRESS)
    assert refusal({"registries": ["docker.io=http://["]}) == ("--registry: 'http://[' is not an address", ADDRESS)


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("hub-url = 5", "hub-url: 5 is not an address", ADDRESS),
        ("hub-url = ['https://a']", "hub-url: ['https://a'] is not an address", ADDRESS),
        ("registries = 5", "registries: 5 is not HOST=URL", PAIR),
        ("registries = 'docker.io'", "registries: 'docker.io' is not HOST=URL", PAIR),
        ("registries = [5]", "registries: 5 is not HOST=URL", PAIR),
        ("registries = { 'docker.io' = 5 }", "registries: 5 is not an address", ADDRESS),
        ("registries = { 'docker.io' = { url = 'https://a' } }", "registries: {'url': 'https://a'} is not an address", ADDRESS),
        ("registries = { 'no host' = 'https://a' }", "registries: 'no host' is not HOST=URL", PAIR),
        ("cache = 5", "cache: 5 is not a folder", "write a path"),
        ("cache = ['a']", "cache: ['a'] is not a folder", "write a path"),
        ('cache = "a\\u0000b"', "cache: 'a\\x00b' is not a folder", "write a path"),
        ("cache = '~no-such-user-here/x'", "cache: '~no-such-user-here/x' is not a folder", "write a path"),
        ("timeout = true", "timeout: True is not a number of seconds", "write for instance 30"),
        ("timeout = 'soon'", "timeout: 'soon' is not a number of seconds", "write for instance 30"),
        ("timeout = nan", "timeout: nan is not a number of seconds", "write for instance 30"),
        ("timeout = inf", "timeout: inf is not a number of seconds", "write for instance 30"),
        ("timeout = -1", "timeout: -1 is not a number of seconds", "write for instance 30"),
        ("timeout = [1]", "timeout: [1] is not a number of seconds", "write for instance 30"),
        ("timeout = 0", "timeout: 0 seconds is no time to answer", "write for instance 30"),
        (f"timeout = 1{'0' * 400}", f"timeout: 1{'0' * 79}... is not a number of seconds", "write for instance 30"),
        ("max-age = 1979-05-27", "max-age: datetime.date(1979, 5, 27) is not a number of seconds", "write for instance 30"),
        ("max-age = -0.5", "max-age: -0.5 is not a number of seconds", "write for instance 30"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(line: str, message: str, hint: str, tmp_path: Path) -> None:
    project(tmp_path, line)
    assert refusal(folder=tmp_path) == (f"{tmp_path / 'pyproject.toml'}: [tool.tfcompat.registry] {message}", hint)


@pytest.mark.parametrize(("key", "variable"), [("timeout", "TFCOMPAT_TIMEOUT"), ("max-age", "TFCOMPAT_MAX_AGE")])
@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf", "1e9", "9" * 400])
def test_a_time_that_is_none_is_refused(key: str, variable: str, value: str) -> None:
    shown = repr(value) if len(value) < 80 else repr(value)[:80] + "..."
    assert refusal({key: value}) == (f"--{key}: {shown} is not a number of seconds", "write for instance 30")
    assert refusal({}, {variable: value}) == (f"{variable}: {shown} is not a number of seconds", "write for instance 30")


def test_an_unknown_key_is_named_with_those_there_are(tmp_path: Path) -> None:
    project(tmp_path, "hub_url = 'https://a'\nanother = 1")
    assert refusal(folder=tmp_path) == (
        f"{tmp_path / 'pyproject.toml'}: [tool.tfcompat.registry] has an unknown key, 'another'",
        "one of hub-url, registries, cache, timeout, max-age",
    )


@pytest.mark.parametrize(
    "text",
    ["tool = 5", "[tool]\ntfcompat = 'x'", "[[tool.tfcompat]]\na = 1", "[tool.tfcompat]\nregistry = []", "[tool.tfcompat]\nregistry = 1"],
)
def test_what_is_no_table_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert refusal(folder=tmp_path) == (
        f"{tmp_path / 'pyproject.toml'}: [tool.tfcompat.registry] is not a table",
        "write hub-url, registries, cache, timeout or max-age below it",
    )


@pytest.mark.parametrize(
    "content", [b"[tool", b"a = 1\na = 2\n", b"a = '\xff'\n", b"\xef\xbb\xbf[tool]\n", b"a = " + b"9" * 5_000, b"a = " + b"[" * 5_000]
)
def test_a_project_that_cannot_be_read_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(content)
    message, hint = refusal(folder=tmp_path)
    assert message.startswith(f"{tmp_path / 'pyproject.toml'} cannot be read: ")
    assert hint == "repair it"


def test_a_huge_project_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "pyproject.toml").open("wb") as file:
        file.truncate((4 << 20) + 1)
    assert refusal(folder=tmp_path) == (f"{tmp_path / 'pyproject.toml'} is larger than 4 MiB", "run the command in another folder")


def test_a_project_that_may_not_be_looked_at_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", deny)
    path = tmp_path / "pyproject.toml"
    assert refusal(folder=tmp_path) == (f"{path} cannot be read: [Errno 13] Permission denied: '{path}'", "repair it")


# -- addresses by host ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("registry", "base"),
    [
        ("docker.io", "https://registry-1.docker.io"),
        ("ghcr.io", "https://ghcr.io"),
        ("nvcr.io", "https://nvcr.io"),
        ("registry.example.org:5000", "https://registry.example.org:5000"),
        ("localhost", "http://localhost"),
        ("localhost:5000", "http://localhost:5000"),
        ("127.0.0.1", "http://127.0.0.1"),
        ("127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("localhost.example.org", "https://localhost.example.org"),
        ("127.0.0.1.example.org:443", "https://127.0.0.1.example.org:443"),
    ],
)
def test_a_host_has_an_address_and_this_machine_speaks_plain_http(registry: str, base: str) -> None:
    assert Settings().base(registry) == base


def test_a_mirror_serves_the_host_it_was_named_for() -> None:
    settings = load({"registries": ["docker.io=http://mirror:5000/", "nvcr.io=https://proxy/nvcr"]})
    assert [settings.base(host) for host in ("docker.io", "nvcr.io", "ghcr.io")] == [
        "http://mirror:5000",
        "https://proxy/nvcr",
        "https://ghcr.io",
    ]
    assert settings.mirrored
    assert not load({"registries": ["nvcr.io=https://proxy"]}).mirrored
