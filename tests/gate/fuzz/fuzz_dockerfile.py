"""Coverage-guided fuzzing of the Dockerfile reader and of what follows its RUN lines.

    python -m pip install atheris    # wheels for CPython 3.11
    mkdir -p /tmp/corpus && cp tests/gate/dockerfiles/* /tmp/corpus
    python tests/gate/fuzz/fuzz_dockerfile.py /tmp/corpus -max_total_time=600 -max_len=2000 -timeout=10 -dict=tests/gate/fuzz/dockerfile.dict

Nothing may raise or hang, and every place lies inside of its instruction.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["tfcompat.gate"]):
    from tfcompat.gate.commands import Install, SystemPackages
    from tfcompat.gate.readers.dockerfile import read_dockerfile
    from tfcompat.gate.readers.run import actions_of
    from tfcompat.gate.source import Source

ENVIRONMENT = {"V": "2.15.0", "LIST": "keras==2.15.0 h5py", "HIDDEN": None, "PATH": "/usr/bin"}


def one_input(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    file = read_dockerfile(Source("Dockerfile", text))
    for instruction in file.instructions:
        assert 0 <= instruction.start <= instruction.end <= len(text)
        assert "".join(text[offset] for offset in instruction.offsets) == instruction.value
        for action in actions_of(instruction, ENVIRONMENT, file.source):
            places = [action.place]
            if isinstance(action, Install):
                places += [pin.place for pin in action.pins]
                places += [pin.version_place for pin in action.pins if pin.version_place is not None]
                places += [argument.place for argument in action.files]
            elif isinstance(action, SystemPackages):
                places += [place for _, _, place in action.packages]
            for place in places:
                assert instruction.start <= place.start < place.end <= instruction.end


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
