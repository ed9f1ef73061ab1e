"""The readers of pins by the file that each reads, and what their tests share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tfcompat.gate.readers.conda import read_conda_lock, read_environment
from tfcompat.gate.readers.locks import read_pdm_lock, read_poetry_lock, read_pylock, read_uv_lock
from tfcompat.gate.readers.pipfile_lock import read_pipfile_lock
from tfcompat.gate.readers.pixi import read_pixi
from tfcompat.gate.readers.pixi_lock import read_pixi_lock
from tfcompat.gate.readers.pyproject import read_pyproject
from tfcompat.gate.readers.requirements import read_requirements
from tfcompat.gate.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from tfcompat.gate.declared import Pin, PinFile
    from tfcompat.gate.source import Place

READERS: dict[str, Callable[[Source], PinFile]] = {
    "requirements.txt": read_requirements,
    "pyproject.toml": read_pyproject,
    "uv.lock": read_uv_lock,
    "poetry.lock": read_poetry_lock,
    "pdm.lock": read_pdm_lock,
    "pylock.toml": read_pylock,
    "Pipfile.lock": read_pipfile_lock,
    "environment.yml": read_environment,
    "conda-lock.yml": read_conda_lock,
    "pixi.toml": read_pixi,
    "pixi.lock": read_pixi_lock,
}


def read(name: str, text: str) -> PinFile:
    """What the reader of *name* makes of *text*; that every place holds what it should is checked along the way."""
    file = READERS[name](Source(name, text))
    for pin in file.pins:
        check(text, pin)
    return file


def check(text: str, pin: Pin) -> None:
    """The place of *pin* holds its name, or an escape or a URL that hides it."""
    held = written(text, pin.place)
    plain = re.sub(r"[-_.\s\\]+", "-", held).lower()
    assert re.sub(r"[-_.]+", "-", pin.name) in plain or "\\" in held or pin.url, (pin, held)
    if pin.version_place is not None:
        assert pin.version_place.start < pin.version_place.end
        assert written(text, pin.version_place).strip()


def written(text: str, place: Place | None) -> str:
    assert place is not None
    return text[place.start : place.end]


def rows(file: PinFile) -> list[str]:
    """Each pin on a line: what, under which marker, for whom."""
    return [
        " ".join(
            part
            for part in (
                str(pin),
                f"; {pin.marker}" if pin.marker else "",
                f"({pin.group})" if pin.group else "",
                f"<{pin.kind}>" if pin.kind not in ("requirement", "locked") else "",
                f"@ {pin.url}" if pin.url else "",
                f"build {pin.build}" if pin.build else "",
                " ".join(pin.platforms or ()),
            )
            if part
        )
        for pin in file.pins
    ]


def said(file: PinFile) -> list[str]:
    """Each problem with its line and column."""
    return [f"{each.place.line}:{each.place.column} {'! ' if each.grave else ''}{each.reason}" for each in file.problems]
