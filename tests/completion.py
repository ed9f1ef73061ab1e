"""Asks real shells what they would offer behind a command line."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import time
from pathlib import Path

__all__ = ["bash", "fish", "zsh"]

_BASH = r"""
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); COMPREPLY=()
compopt() { :; }
"$(complete -p tfcompat | sed -E 's/.*-F ([^ ]+) .*/\1/')" tfcompat "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""
_ZSH = r"""
unsetopt zle_bracketed_paste prompt_cr; stty -echo; PS1=; LISTMAX=0
fpath=({folder} $fpath); autoload -Uz compinit; compinit -u -D
offered() {{ local -a found
compadd() {{ local -a some; builtin compadd -O some "$@"; found+=("${{some[@]}}"); builtin compadd "$@" }}
_main_complete; unfunction compadd; print -r -- "<<${{(F)found}}>>"; compstate[insert]=""; compstate[list]="" }}
zle -C offered complete-word offered; bindkey '^X' offered; print re''ady
"""
_SECONDS = 30


def bash(script: Path, words: list[str], folder: Path) -> list[str]:
    """What bash offers for the last of *words*; an empty one stands behind a space."""
    command = ["bash", "--noprofile", "--norc", "-c", _BASH, "bash", str(script), *words]
    found = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=_SECONDS, check=True)
    assert found.stderr == ""
    return found.stdout.split()


def fish(script: Path, words: list[str], folder: Path) -> list[str]:
    """The same of fish, without its descriptions."""
    command = ["fish", "--no-config", "-c", f'source "{script}"; complete -C "{" ".join(words)}"']
    own = str(script.parent)  # where fish keeps its own files
    environment = {**os.environ, "HOME": own, "XDG_CONFIG_HOME": own, "XDG_DATA_HOME": own}
    found = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=_SECONDS, check=True)
    return [line.partition("\t")[0] for line in found.stdout.splitlines()]


def zsh(script: Path, words: list[str], folder: Path) -> list[str]:
    """The same of zsh, which completes at a terminal alone. *script* is named ``_tfcompat``."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.execvpe("zsh", ["zsh", "-f", "-i"], {"PATH": os.environ["PATH"], "TERM": "dumb", "HOME": str(folder), "COLUMNS": "200"})
    try:
        setup = _ZSH.format(folder=script.parent).strip().replace("{\n", "{ ").replace("\n", "; ").replace("; ;", ";")
        os.write(terminal, f"{setup}\n".encode())
        _read(terminal, b"ready\r\n")
        os.write(terminal, f"{' '.join(words)}\x18".encode())
        found = re.search(r"<<(.*?)>>", _read(terminal, b">>").decode(), re.S)
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(terminal)
    assert found is not None
    return list(dict.fromkeys(found[1].split()))


def _read(terminal: int, mark: bytes) -> bytes:
    got, end = b"", time.monotonic() + _SECONDS
    while mark not in got:
        assert time.monotonic() < end, got
        if select.select([terminal], [], [], 0.2)[0]:
            got += os.read(terminal, 65536)
    return got
