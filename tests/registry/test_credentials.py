"""What ``docker login`` left behind is found and never shown; what cannot be used is named with a remedy."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tfcompat.errors import RequestError
from tfcompat.registry import credentials
from tfcompat.registry.credentials import Credentials, find_credentials
from tfcompat.registry.settings import Settings

HOST = "registry.example.org"
REPAIR = "repair it, or point DOCKER_CONFIG at another folder"
AGAIN = "log in again with 'docker login'"
BOB = Credentials("bob", "se:cret")
TOKEN = Credentials("<token>", "tok", identity=True)

Find = Callable[..., Credentials | None]


def encoded(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


AUTH = {"auth": encoded("bob:se:cret")}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.json"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    folder = tmp_path / "programs"
    folder.mkdir()
    return folder


@pytest.fixture
def find(config: Path, programs: Path) -> Find:
    def find(document: Any, registry: str = HOST) -> Credentials | None:
        config.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
        return find_credentials(registry, {"DOCKER_CONFIG": str(config.parent), "PATH": f"{programs}:{os.defpath}"})

    return find


def helper(programs: Path, name: str, script: str) -> Path:
    """A credential helper that leaves what it was asked in a file."""
    program = programs / f"docker-credential-{name}"
    program.write_text(f'#!/bin/sh\n[ "$1" = get ] || exit 9\nread -r key\necho "$key" >>"{programs}/asked"\n{script}\n')
    program.chmod(0o755)
    return programs / "asked"


def answering(user: str, secret: str) -> str:
    return f"printf '%s' '{json.dumps({'ServerURL': 'x', 'Username': user, 'Secret': secret})}'"


def failure(find: Find, document: Any) -> tuple[str, str]:
    with pytest.raises(RequestError) as caught:
        find(document)
    assert caught.value.exit_code == 2
    return caught.value.message, caught.value.hint


# -- auths ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        pytest.param(AUTH, BOB, id="auth"),
        pytest.param({"auth": encoded("bob:se:cret\0")}, BOB, id="auth with the zero that old clients wrote"),
        pytest.param({"auth": encoded("bøb:päss")}, Credentials("bøb", "päss"), id="UTF-8"),
        pytest.param({"auth": encoded("bob:")}, Credentials("bob", ""), id="an empty password"),
        pytest.param({"username": "bob", "password": "se:cret"}, BOB, id="username and password"),
        pytest.param({"auth": "", "username": "bob", "password": "se:cret"}, BOB, id="an empty auth beside them"),
        pytest.param({"auth": encoded("<token>:"), "identitytoken": "tok"}, TOKEN, id="identitytoken"),
        pytest.param({}, None, id="empty"),
        pytest.param({"auth": ""}, None, id="empty auth"),
        pytest.param({"username": "bob"}, None, id="a user without a password"),
    ],
)
def test_an_entry_tells_who_one_is(find: Find, entry: dict[str, str], found: Credentials | None) -> None:
    assert find({"auths": {HOST: entry}}) == found


@pytest.mark.parametrize(
    "key", [HOST, f"https://{HOST}", f"https://{HOST}/", f"https://{HOST}/v1/", f"https://{HOST}/v2/", f"http://{HOST}"]
)
def test_older_spellings_of_a_registry_count(find: Find, key: str) -> None:
    assert find({"auths": {"other.example.org": {"auth": encoded("eve:x")}, key: AUTH}}) == BOB


def test_the_exact_spelling_wins_and_an_empty_entry_is_passed_over(find: Find) -> None:
    other = {"auth": encoded("eve:x")}
    assert find({"auths": {f"https://{HOST}/v1/": other, HOST: AUTH}}) == BOB
    assert find({"auths": {HOST: {}, f"https://{HOST}/v1/": AUTH}}) == BOB


@pytest.mark.parametrize(
    "key",
    [
        f"{HOST}:5000",
        f"https://{HOST}:5000",
        f"x{HOST}",
        f"{HOST}.evil.test",
        f"https://evil.test/{HOST}",
        "example.org",
        f"{HOST}@evil.test",
    ],
)
def test_another_registry_is_another(find: Find, key: str) -> None:
    assert find({"auths": {key: AUTH}}) is None


def test_a_port_belongs_to_the_name(find: Find) -> None:
    assert find({"auths": {f"{HOST}:5000": AUTH}}, f"{HOST}:5000") == BOB


@pytest.mark.parametrize("key", ["https://index.docker.io/v1/", "index.docker.io", "docker.io", "https://index.docker.io/v2/"])
def test_docker_hub_has_a_key_of_its_own(find: Find, key: str) -> None:
    assert find({"auths": {key: AUTH}}, "docker.io") == BOB
    assert find({"auths": {key: AUTH}}, "docker.io.example.org") is None


def test_a_mirror_gets_no_credentials_but_its_own() -> None:
    settings = Settings(registries={"docker.io": "https://mirror.test:8443/hub", "nvcr.io": "https://registry-1.docker.io"})
    assert settings.account("docker.io") == "mirror.test:8443"
    assert settings.account("nvcr.io") == "docker.io"
    assert Settings().account("docker.io") == "docker.io"
    assert settings.account("ghcr.io") == "ghcr.io"


@pytest.mark.parametrize("document", [{}, {"auths": None}, {"auths": {}}, {"credHelpers": None, "credsStore": ""}, {"HttpHeaders": []}])
def test_no_entry_is_no_credentials(find: Find, document: dict[str, Any]) -> None:
    assert find(document) is None


# -- helpers -------------------------------------------------------------------------------------


def test_a_helper_of_the_registry_comes_first(find: Find, programs: Path) -> None:
    asked = helper(programs, "mine", answering("bob", "se:cret"))
    helper(programs, "all", answering("eve", "x"))
    assert find({"credHelpers": {HOST: "mine"}, "credsStore": "all", "auths": {HOST: {"auth": encoded("eve:x")}}}) == BOB
    assert asked.read_text() == f"{HOST}\n"


def test_the_store_is_asked_for_the_rest(find: Find, programs: Path) -> None:
    helper(programs, "all", answering("bob", "se:cret"))
    assert find({"credHelpers": {"other.example.org": "mine"}, "credsStore": "all", "auths": {HOST: {}}}) == BOB


def test_docker_hub_is_asked_for_by_its_key(find: Find, programs: Path) -> None:
    asked = helper(programs, "all", answering("bob", "se:cret"))
    assert find({"credsStore": "all"}, "docker.io") == BOB
    assert asked.read_text() == "https://index.docker.io/v1/\n"


def test_a_helper_can_have_an_identity_token(find: Find, programs: Path) -> None:
    helper(programs, "all", answering("<token>", "tok"))
    assert find({"credsStore": "all"}) == TOKEN


def test_a_helper_that_knows_nothing_leaves_it_to_the_file(find: Find, programs: Path) -> None:
    asked = helper(programs, "all", "echo credentials not found in native keychain; exit 1")
    assert find({"credsStore": "all", "auths": {HOST: AUTH}}) == BOB
    assert asked.read_text().splitlines() == [HOST, f"https://{HOST}", f"https://{HOST}/"]
    assert find({"credsStore": "all"}) is None


@pytest.mark.parametrize("script", [answering("", ""), answering("bob", ""), 'echo \'{"Username": "bob", "Secret": "x"}\'; exit 3'])
def test_a_helper_without_a_secret_knows_nothing(find: Find, programs: Path, script: str) -> None:
    helper(programs, "all", script)
    assert find({"credsStore": "all"}) is None


def test_a_missing_helper_is_named(find: Find, config: Path) -> None:
    assert failure(find, {"credsStore": "desktop.exe"}) == (
        f"{config} names docker-credential-desktop.exe, which is not on PATH",
        "install it, or remove it from the file",
    )


@pytest.mark.parametrize(
    "answer",
    [
        "garbage",
        "[]",
        "7",
        "null",
        "{}",
        '{"Username": "bob"}',
        '{"Username": null, "Secret": "hunter2"}',
        '{"Username": "bob", "Secret": 7}',
        "\\377",
        "",
    ],
)
def test_an_answer_that_is_none_is_named_and_not_shown(find: Find, programs: Path, answer: str) -> None:
    helper(programs, "all", f"printf '{answer}'")
    assert failure(find, {"credsStore": "all"}) == (
        "docker-credential-all answered with something other than credentials",
        "run 'docker login' again",
    )


def test_a_helper_that_hangs_is_left(find: Find, programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "_HELPER_TIMEOUT", 0.2)
    helper(programs, "all", "sleep 20")
    started = time.monotonic()
    assert failure(find, {"credsStore": "all"}) == (
        "docker-credential-all could not be used: no answer in 0.2 s",
        "run 'docker login' again",
    )
    assert time.monotonic() - started < 5


def test_a_helper_that_cannot_be_run_is_named(find: Find, programs: Path) -> None:
    helper(programs, "all", "")
    (programs / "docker-credential-all").write_text("no script")
    assert failure(find, {"credsStore": "all"}) == (
        "docker-credential-all could not be used: Exec format error",
        "run 'docker login' again",
    )


@pytest.mark.parametrize("name", ["../evil", "a/b", "..", "-x", ".hidden", "a b", "a\nb", "a;b", "a\0b", "é", ["x"], {"x": 1}])
def test_a_helper_is_a_name_and_no_path(find: Find, config: Path, name: Any) -> None:
    message = f"{config}: {str(name)!r} is not the name of a credential helper"
    assert failure(find, {"credsStore": name}) == (message, AGAIN)
    assert failure(find, {"credHelpers": {HOST: name}}) == (message, AGAIN)


def test_a_long_name_is_shown_shortened(find: Find, config: Path) -> None:
    assert failure(find, {"credsStore": "/" * 500})[0] == f"{config}: {'/' * 40!r} is not the name of a credential helper"


def test_an_answer_without_end_is_not_believed(find: Find, programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "_SIZE_LIMIT", 1000)
    helper(programs, "all", f"head -c 2000 /dev/zero | tr '\\0' ' '; {answering('bob', 'x')}")
    assert failure(find, {"credsStore": "all"})[0] == "docker-credential-all answered with something other than credentials"


# -- what is wrong with the file -----------------------------------------------------------------


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe\xfd", b'{"auths": \xe9}', b"[" * 100_000, b"1" * 5000])
def test_a_file_that_is_not_json_is_named(find: Find, config: Path, content: bytes) -> None:
    assert failure(find, content) == (f"{config} cannot be read: not JSON", REPAIR)


@pytest.mark.parametrize("document", [[], "text", 7, None, True])
def test_json_of_another_kind_is_named(find: Find, config: Path, document: Any) -> None:
    assert failure(find, document) == (f"{config} holds no JSON object", REPAIR)


def test_a_huge_file_is_not_read(find: Find, config: Path) -> None:
    message = f"{config} is larger than 1 MiB: not a Docker configuration"
    assert failure(find, b" " * ((1 << 20) + 1)) == (message, REPAIR)


def test_a_file_that_cannot_be_read_is_named(config: Path) -> None:
    config.mkdir()
    with pytest.raises(RequestError) as caught:
        find_credentials(HOST, {"DOCKER_CONFIG": str(config.parent)})
    assert (caught.value.message, caught.value.hint) == (f"{config} cannot be read: Is a directory", REPAIR)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_somebody_else_is_named(find: Find, config: Path) -> None:
    config.write_text("{}")
    config.chmod(0)
    with pytest.raises(RequestError, match="cannot be read: Permission denied"):
        find_credentials(HOST, {"DOCKER_CONFIG": str(config.parent)})


@pytest.mark.parametrize("name", ["auths", "credHelpers"])
@pytest.mark.parametrize("value", [["x"], "text", 7])
def test_a_table_of_another_type_is_named(find: Find, config: Path, name: str, value: Any) -> None:
    assert failure(find, {name: value}) == (f"{config}: {name!r} is not an object", AGAIN)


@pytest.mark.parametrize("entry", [["x"], "text", 7, None])
def test_an_entry_of_another_type_is_named(find: Find, config: Path, entry: Any) -> None:
    assert failure(find, {"auths": {HOST: entry}}) == (f"{config}: the entry of {HOST} is not an object", AGAIN)


@pytest.mark.parametrize("auth", ["hunter2", "hünter2", "!!!!", encoded("hunter2"), encoded(b"\xff:\xff"), 7, ["x"], {"a": "b"}])
def test_an_auth_that_is_none_is_named_and_not_shown(find: Find, config: Path, auth: Any) -> None:
    assert failure(find, {"auths": {HOST: {"auth": auth}}}) == (f"{config}: the entry of {HOST} is not base64 of user:password", AGAIN)


def test_what_is_wrong_with_another_registry_is_nobodys_business(find: Find) -> None:
    assert find({"auths": {"other.example.org": 7, HOST: AUTH}}) == BOB


# -- where the file is ---------------------------------------------------------------------------


def test_the_file_is_in_the_home_folder_unless_named(tmp_path: Path) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text(json.dumps({"auths": {HOST: AUTH}}))
    assert find_credentials(HOST, {"HOME": str(tmp_path)}) == BOB
    assert find_credentials(HOST, {"HOME": str(tmp_path), "DOCKER_CONFIG": ""}) == BOB
    assert find_credentials(HOST, {"HOME": str(tmp_path), "DOCKER_CONFIG": str(tmp_path / "elsewhere")}) is None
    assert find_credentials(HOST, {"HOME": str(tmp_path / ".docker/config.json")}) is None


def test_a_user_without_a_home_has_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", homeless)
    assert find_credentials(HOST, {}) is None


# -- what is never shown -------------------------------------------------------------------------


def test_credentials_do_not_show_themselves() -> None:
    assert {repr(BOB), str(BOB), f"{BOB}", repr([BOB]), "%s" % (BOB,)} == {"Credentials(...)", "[Credentials(...)]"}  # noqa: UP031


def test_the_header_carries_no_line_end() -> None:
    assert Credentials("bob", "se:cret").basic == f"Basic {encoded('bob:se:cret')}"
    assert Credentials("b\r\nob", "x" * 500 + "\n").basic.isprintable()


def test_half_a_character_is_no_crash(find: Find) -> None:
    found = find(b'{"auths": {"registry.example.org": {"username": "bob", "password": "\\ud800"}}}')
    assert found is not None
    assert found.basic == f"Basic {encoded('bob:?')}"
