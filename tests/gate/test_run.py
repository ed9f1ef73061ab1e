"""What the commands of a RUN do."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfcompat.gate.commands import Action, Install, Interpreter, Libraries, Marked, Opaque, Removed, Rewritten, SystemPackages, Variable
from tfcompat.gate.declared import Pin
from tfcompat.gate.readers.dockerfile import read_dockerfile
from tfcompat.gate.readers.run import actions_of, actions_of_script
from tfcompat.gate.source import Place, Source

ENVIRONMENT = {"V": "2.15.0", "LIST": "keras==2.15.0 h5py", "HIDDEN": None, "PATH": "/usr/bin"}


def follow(run: str, shell: tuple[str, ...] = ()) -> tuple[str, tuple[Action, ...]]:
    """The text of a Dockerfile with this RUN, and what that does."""
    text = f"FROM a\nRUN {run}\n"
    file = read_dockerfile(Source("Dockerfile", text))
    assert not file.problems
    return text, actions_of(file.instructions[1], ENVIRONMENT, file.source, shell)


def one(run: str, shell: tuple[str, ...] = ()) -> Action:
    (action,) = follow(run, shell)[1]
    return action


def install(run: str) -> Install:
    action = one(run)
    assert isinstance(action, Install)
    return action


def pins(run: str) -> list[str]:
    """Every pin, ``written``/``version as written`` behind it where an edit of that is safe."""
    text, actions = follow(run)
    found = [pin for action in actions if isinstance(action, Install) for pin in action.pins]
    return [f"{pin}|{at(text, pin.place)}|{at(text, pin.version_place)}" for pin in found]


def at(text: str, place: Place | None) -> str:
    return "" if place is None else text[place.start : place.end]


def names(action: Install) -> list[str]:
    return [str(pin) for pin in action.pins]


def files(action: Install) -> list[tuple[str | None, str]]:
    return [(file.path, file.role) for file in action.files]


# --- pip


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ('pip install "tensorflow[and-cuda]==2.15.*"', ["tensorflow[and-cuda]==2.15.*|tensorflow[and-cuda]==2.15.*|==2.15.*"]),
        ("pip install numpy\\<2", ["numpy<2|numpy\\<2|"]),
        ("pip install 'Keras_Tuner >=1.0 ; python_version>\"3.8\"'", ["keras-tuner>=1.0|Keras_Tuner >=1.0|>=1.0"]),
        ("pip install tensorflow==$V", ["tensorflow==2.15.0|tensorflow==$V|"]),
        ('pip install "tensorflow==${V%.*}.*"', ['tensorflow==2.15.*|"tensorflow==${V%.*}.*"|']),
        ("pip install $LIST", ["keras==2.15.0|$LIST|", "h5py|$LIST|"]),
        ("pip install tensor\\\nflow==2.15.0 \\\n  keras==2.15.0", ["tensorflow==2.15.0|tensor\\\nflow==2.15.0|", "keras==2.15.0|keras==2.15.0|==2.15.0"]),
        ('["pip", "install", "tensorflow==2.15.0"]', ["tensorflow==2.15.0|tensorflow==2.15.0|==2.15.0"]),
        ('["pip", "install", "numpy\\u003c2"]', ['numpy<2|"numpy\\u003c2"|']),
        ("bash -c \"pip install 'numpy<2'\"", ["numpy<2|numpy<2|<2"]),
        ("T=2.16.1 && pip install tensorflow==$T", ["tensorflow==2.16.1|tensorflow==$T|"]),
        ("<<EOF\npip install tensorflow==2.1\nEOF", ["tensorflow==2.1|tensorflow==2.1|==2.1"]),
        ("bash <<'EOF' && pip install keras\npip install numpy==1\nEOF", ["numpy==1|numpy==1|==1", "keras|keras|"]),
        ("<<EOF\n#!/bin/bash\npip install a\nEOF", ["a|a|"]),
    ],
)  # fmt: skip
def test_pins_and_where_they_stand(run: str, expected: list[str]) -> None:
    assert pins(run) == expected


def test_a_python_heredoc_installs_nothing() -> None:
    assert follow("<<EOF\n#!/usr/bin/env python3\npip install a\nEOF")[1] == ()


def test_the_options_of_pip() -> None:
    found = install(
        "pip3.11 --no-cache-dir install -qU --no-deps --break-system-packages --pre -i https://i --extra-index-url=$U -f l "
        "-r r.txt -cc.txt --requirement=s.txt --target /t -e .[gpu,test] ./sub a"
    )
    assert (found.tool, found.python, found.upgrade, found.no_deps, found.break_system_packages) == ("pip", "3.11", True, True, True)
    assert files(found) == [
        ("r.txt", "requirements"),
        ("c.txt", "constraints"),
        ("s.txt", "requirements"),
        (".", "project"),
        ("./sub", "project"),
    ]
    assert found.files[3].groups == ("gpu", "test")
    assert found.options == (
        "--upgrade", "--no-deps", "--break-system-packages", "--pre", "--index-url=https://i", "--extra-index-url=$U", "--find-links=l", "--target=/t",
    )  # fmt: skip
    assert names(found) == ["a"]


@pytest.mark.parametrize(
    ("run", "python", "environment"),
    [
        ("pip install a", None, ""),
        ("pip3 install a", None, ""),
        ("pip3.9 install a", "3.9", ""),
        ("/usr/bin/python3.10 -m pip install a", "3.10", ""),
        ("/opt/venv/bin/pip install a", None, "/opt/venv"),
        ("/opt/venv/bin/python -I -m pip install a", None, "/opt/venv"),
        ("sudo -H -u me env X=1 pip3 install a", None, ""),
        ("conda run --no-capture-output -n tf pip install a", None, "tf"),
        ("$HOME/v/bin/pip install a", None, "$HOME/v"),
        ("cd /app && venv/bin/pip install a", None, "/app/venv"),
        ("timeout 600 nice -n 5 pip install a", None, ""),
    ],
)
def test_which_interpreter_and_environment(run: str, python: str | None, environment: str) -> None:
    found = install(run)
    assert (found.python, found.environment, names(found)) == (python, environment, ["a"])


def test_an_activated_environment_holds_to_the_end_of_the_run() -> None:
    _, (active, found) = follow(". /opt/v/bin/activate && pip install a")
    assert (active[:2], found.environment) == (("VIRTUAL_ENV", "/opt/v"), "/opt/v")  # type: ignore[union-attr]
    _, (active, inside, outside) = follow("(source activate tf && pip install a); pip install b")
    assert (active[:2], inside.environment, outside.environment) == (("CONDA_DEFAULT_ENV", "tf"), "tf", "")  # type: ignore[union-attr]


def test_the_working_folder_of_a_file() -> None:
    _, found = follow(
        "cd /a && pip install -r r.txt && (cd b && pip install -r s.txt) && pip install . && cd $HIDDEN && pip install -r t.txt"
    )
    assert [file.path for action in found if isinstance(action, Install) for file in action.files] == ["/a/r.txt", "/a/b/s.txt", "/a", None]


def test_upgrading_pip_is_told() -> None:
    assert [install(run).upgrades_pip for run in ("pip install -U pip wheel", "pip install pip==23.1", "pip install pip", "pip install -U a")] == [
        True, True, False, False
    ]  # fmt: skip
    assert install("curl -sS https://bootstrap.pypa.io/get-pip.py | python3.9").upgrades_pip
    assert install("python3.9 get-pip.py").python == "3.9"


def test_urls_and_wheels() -> None:
    found = install(
        "pip install git+https://github.com/a/b.git@v1#egg=bb https://x/tensorflow-2.15.0-cp311-cp311-manylinux_2_17_x86_64.whl 'z @ https://q/r.whl' "
        "./a-1.0-2-py3-none-any.whl[x] https://u:p@x/tf-2.15%2Bnv-1-py3-none-any.whl 'k @ https://q/k-2.0-py3-none-any.whl' s-1.0.tar.gz"
    )
    assert [(pin.name, pin.specifier, pin.url[:9]) for pin in found.pins] == [
        ("bb", "", "git+https"), ("tensorflow", "==2.15.0", "https://x"), ("z", "", "https://q"),
        ("a", "==1.0", "./a-1.0-2"), ("tf", "==2.15+nv", "https://*"), ("k", "==2.0", "https://q"), ("s", "", "s-1.0.tar")
    ]  # fmt: skip


def test_variables_that_are_set_for_one_command() -> None:
    found = install("PIP_CONSTRAINT=c.txt PIP_BREAK_SYSTEM_PACKAGES=1 OTHER=2 pip install a")
    assert files(found) == [("c.txt", "constraints")]
    assert (found.break_system_packages, found.options) == (True, ("PIP_CONSTRAINT=c.txt", "PIP_BREAK_SYSTEM_PACKAGES=1"))
    assert install("UV_SYSTEM_PYTHON=1 uv pip install a").system
    assert install("VIRTUAL_ENV=/v uv pip install a").environment == "/v"


@pytest.mark.parametrize(
    ("run", "conditional"),
    [
        ("if x; then pip install a; fi", True),
        ("x || pip install a", True),
        ("x && pip install a", False),
        ("test -f r && pip install a", False),
        ("test -f r && pip install -r r || true", True),
        ("command -v x && pip install a", True),
        ("apt-get update || true && pip install a", False),
        ("bash -c 'if x; then pip install a; fi'", True),
        ("if x; then bash -c 'pip install a'; fi", True),
    ],
)
def test_what_is_conditional(run: str, conditional: bool) -> None:
    assert install(run).conditional is conditional


def test_uninstall() -> None:
    assert one("pip uninstall -y Tensor_Flow 'keras[x]' $HIDDEN")[0] == ("tensor-flow", "keras")
    assert isinstance(one("/v/bin/pip uninstall -y a"), Removed)


@pytest.mark.parametrize("run", ["pip download a", "pip wheel a", "pip install --dry-run a", "pip list", "uv tool install a", "pipx install a", "uvx a", "command -v pip", "echo pip install a", "python -c 'import pip'", "pip --version", "uv lock", "conda clean -afy", "apt-get update", "apt-get remove -y a", "true # pip install a", ""])  # fmt: skip
def test_what_installs_nothing(run: str) -> None:
    assert follow(run or "''")[1] == ()


# --- other installers


def test_uv() -> None:
    found = install("uv pip install --system --python 3.11 -r pyproject.toml --extra gpu tensorflow==2.15.0")
    assert (found.tool, found.system, found.python, files(found), names(found)) == (
        "uv", True, "3.11", [("pyproject.toml", "requirements")], ["tensorflow==2.15.0"]
    )  # fmt: skip
    assert install("uv pip install -p /opt/v/bin/python a").environment == "/opt/v"
    assert install("uv pip install --python .venv a").environment == ".venv"
    assert "sync" in install("uv pip sync requirements.txt").options
    locked = install("UV_PROJECT_ENVIRONMENT=/opt/z uv sync --project sub --frozen --no-dev --extra gpu --group a")
    assert (locked.tool, files(locked), locked.files[0].groups, locked.environment) == (
        "uv sync",
        [("sub/uv.lock", "lock")],
        ("gpu", "a"),
        "/opt/z",
    )
    assert {"--frozen", "--no-dev"} <= set(locked.options)
    assert names(install("uv add keras==2.15.0")) == ["keras==2.15.0"]
    assert one("uv venv --python 3.10 /opt/v")[:3] == ("uv", "/opt/v", "3.10")
    assert one("uv venv")[:3] == ("uv", ".venv", None)
    assert one("uv python install --default cpython@3.12.1")[:3] == ("uv", "", "3.12")


def test_poetry_pdm_pipenv_and_pixi() -> None:
    found = install("poetry install --no-root --only main,gpu -E x")
    assert (found.tool, files(found), found.files[0].groups) == ("poetry", [("poetry.lock", "lock")], ("main", "gpu", "x"))
    assert one("poetry config virtualenvs.create false")[:2] == ("POETRY_VIRTUALENVS_CREATE", "false")
    assert files(install("pdm sync --prod -G gpu")) == [("pdm.lock", "lock")]
    pipenv = install("pipenv install --system --deploy")
    assert (pipenv.system, files(pipenv)) == (True, [("Pipfile.lock", "lock")])
    assert names(install("pipenv install tensorflow==2.15.0")) == ["tensorflow==2.15.0"]
    assert files(install("pixi install")) == [("pixi.lock", "lock")]
    _, (added, opaque) = follow("poetry add keras==2.15.0 tensorflow@^2.15")
    assert isinstance(added, Install)
    assert names(added) == ["keras==2.15.0"]
    assert isinstance(opaque, Opaque)
    assert opaque.what == "poetry add tensorflow@^2.15"


def test_conda() -> None:
    _, (made, found) = follow(
        "conda create -y -n tf -c conda-forge python=3.10 'tensorflow-gpu=2.10.0=gpu_py*' cudnn=8.9 'numpy>=1.2,<2' conda-forge::six"
    )
    assert made[:3] == ("conda", "tf", "3.10")
    assert isinstance(found, Install)
    assert [(pin.name, pin.specifier, pin.build) for pin in found.pins] == [
        ("python", "==3.10.*", ""), ("tensorflow-gpu", "==2.10.0", "gpu_py*"), ("cudnn", "==8.9.*", ""), ("numpy", "<2,>=1.2", ""), ("six", "", "")
    ]  # fmt: skip
    assert (found.environment, found.options, {pin.kind for pin in found.pins}) == ("tf", ("--channel=conda-forge",), {"conda"})
    unknown = install("conda install nvidia::cudnn=${HIDDEN} cudatoolkit=$HIDDEN cuda>=$HIDDEN")
    assert [str(pin) for pin in unknown.pins] == ["cudnn", "cudatoolkit", "cuda"]
    assert one("conda install tensorflow=$HIDDEN")[0] == "conda install tensorflow=$HIDDEN"
    assert files(install("mamba env update -n base -f /e.yml")) == [("/e.yml", "conda")]
    assert one("bash Miniconda3-py310_23.3.1-0-Linux-x86_64.sh -b -p /opt/conda")[:3] == ("conda", "/opt/conda", "3.10")
    _, (active, inside) = follow('eval "$(conda shell.bash hook)" && conda activate tf && pip install a')
    assert (active[:2], inside.environment) == (("CONDA_DEFAULT_ENV", "tf"), "tf")  # type: ignore[union-attr]
    assert one("pip install a", ("conda", "run", "-n", "tf", "/bin/bash", "-c"))[5] == "tf"


@pytest.mark.parametrize(
    ("run", "manager", "packages"),
    [
        ("apt-get install -y --no-install-recommends python3-pip libcudnn8=8.9.* a:amd64 b/focal c- ./x_1.2_amd64.deb", "apt",
         [("python3-pip", ""), ("libcudnn8", "8.9.*"), ("a", ""), ("b", ""), ("x", "1.2")]),
        ("DEBIAN_FRONTEND=noninteractive apt -y -t stable install libnvinfer8=$HIDDEN", "apt", [("libnvinfer8", "")]),
        ("apt-get install libcudnn${MAJOR}=${HIDDEN} libcudnn8$HIDDEN cuda-toolkit-$(a) x-$HIDDEN", "apt",
         [("libcudnn", ""), ("libcudnn8", ""), ("cuda-toolkit-", ""), ("x-", "")]),
        ("apt-get install libcudnn${V%%.*}=$V libnvinfer8=${V}-1", "apt", [("libcudnn2", "2.15.0"), ("libnvinfer8", "2.15.0-1")]),
        ("yum install -y libcudnn8-$HIDDEN", "dnf", [("libcudnn8", "")]),
        ("yum install -y python39 libcudnn8-8.9.6.50-1.cuda12.2", "dnf", [("python39", ""), ("libcudnn8", "8.9.6.50-1.cuda12.2")]),
        ("apk add --no-cache -t .build py3-numpy=1.26 'gcc>9'", "apk", [("py3-numpy", "1.26"), ("gcc", "9")]),
        ("yes | sudo apt-get install libcudnn8", "apt", [("libcudnn8", "")]),
        ("dpkg -i /tmp/cuda-keyring_1.1-1_all.deb", "apt", [("cuda-keyring", "1.1-1")]),
    ],
)  # fmt: skip
def test_system_packages(run: str, manager: str, packages: list[tuple[str, str]]) -> None:
    found = one(run)
    assert isinstance(found, SystemPackages)
    assert (found.manager, [package[:2] for package in found.packages]) == (manager, packages)


# --- interpreters, loader, markers


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ("python3.11 -m venv --system-site-packages /opt/v", ("venv", "/opt/v", "3.11", False, True)),
        ("virtualenv -p python3.9 env", ("virtualenv", "env", "3.9", False, False)),
        ("update-alternatives --install /usr/bin/python3 python3 /usr/bin/python3.9 1", ("link", "", "3.9", True, False)),
        ("update-alternatives --set python /usr/bin/python3.9", ("link", "", "3.9", True, False)),
        ("ln -sf /usr/bin/python3.11 /usr/bin/python", ("link", "", "3.11", True, False)),
        ("ln -s $(which python3) /usr/local/bin/python", None),
        ("ln -s /usr/bin/pip3 /usr/bin/pip", None),
        ("ln -s -t /usr/bin", None),
        ("pyenv install 3.9.16", ("source", "", "3.9", False, False)),
        ("cd Python-3.9.1 && ./configure && make -j4 && make altinstall", ("source", "", "3.9", False, False)),
    ],
)
def test_interpreters(run: str, expected: tuple[str, str, str | None, bool, bool] | None) -> None:
    found = [(a.how, a.environment, a.python, a.default, a.system_site_packages) for a in follow(run)[1] if isinstance(a, Interpreter)]
    assert found == ([expected] if expected else [])


def test_the_loader_is_told() -> None:
    written = {
        "echo /usr/local/cuda/lib64 > /etc/ld.so.conf.d/cuda.conf": "/usr/local/cuda/lib64",
        "printf '/a\\n/b' | tee -a /etc/ld.so.conf.d/x.conf": "/a\n/b",
        "find /usr/lib/nvidia -name lib > /etc/ld.so.conf.d/n.conf": "find /usr/lib/nvidia -name lib",
        "<<EOF cat > /etc/ld.so.conf.d/a.conf\n/x\nEOF": "/x\n",
        "ldconfig /a": "/a",
        "A=1 | tee /etc/ld.so.conf.d/x": "tee /etc/ld.so.conf.d/x",
    }
    for run, text in written.items():
        found = one(run)
        assert isinstance(found, Libraries)
        assert found.text == text


@pytest.mark.parametrize(
    "run",
    [
        "rm -f /usr/lib/python3*/EXTERNALLY-MANAGED",
        "mv /usr/lib/python3.12/EXTERNALLY-MANAGED /tmp",
        "find / -name EXTERNALLY-MANAGED -delete",
        "pip config set global.break-system-packages true",
        "printf '[global]\\nbreak-system-packages = true\\n' > /etc/pip.conf",
    ],
)
def test_the_marker_of_pep_668_is_removed(run: str) -> None:
    assert isinstance(one(run), Marked)


def test_variables_that_are_exported() -> None:
    _, found = follow("export A=1 B=$HIDDEN; C=2; PATH=/v/bin:$PATH; export C")
    assert [(a.name, a.value) for a in found if isinstance(a, Variable)] == [
        ("A", "1"),
        ("B", None),
        ("PATH", "/v/bin:/usr/bin"),
        ("C", "2"),
    ]


# --- files that are written


@pytest.mark.parametrize(
    ("run", "paths"),
    [
        ("sed -i 's/a/b/' requirements.txt", ["requirements.txt"]),
        ("sed -i.bak -e s/a/b/ -e s/c/d/ r.txt /e/s.in", ["r.txt", "/e/s.in"]),
        ("sed 's/a/b/' r.txt", []),
        ("sed 's/a/b/' r.txt > s.txt", ["s.txt"]),
        ("perl -pi -e 's/a/b/' r.txt", ["r.txt"]),
        ("echo keras==$V >> requirements-$V.txt", ["requirements-2.15.0.txt"]),
        ("cat > r.txt <<'E'\na\nE", ["r.txt"]),
        ("cat r.txt > log", []),
        ("grep -v tensorflow < r.txt | tee s.txt", ["s.txt"]),
        ("{ a; b; } > r.txt", ["r.txt"]),
        ("> r.txt", ["r.txt"]),
        ("(pip freeze) > c.txt", ["c.txt"]),
        ("cd /app && mv r-gpu.txt r.txt", ["/app/r.txt"]),
        ("cp /a/r.txt /b/s.lock .", ["r.txt", "s.lock"]),
        ("cp a/r.txt b/", ["b/r.txt"]),
        ("cp -t b a/r.txt", ["b/r.txt"]),
        ("cp r.txt", []),
        ("envsubst < r.tmpl > r.txt", ["r.txt"]),
        ("poetry export --without-hashes -o r.txt", ["r.txt"]),
        ("uv export --output-file=r.txt", ["r.txt"]),
        ("uv pip compile r.in -o r.txt", ["r.txt"]),
        ("pip-compile -o r.txt r.in", ["r.txt"]),
        ("pip-compile a/r.in", ["a/r.txt"]),
        ("pip-compile", ["requirements.txt"]),
        ("python -m piptools compile r.in", ["r.txt"]),
        ("curl -fsSLo r.txt https://x", ["r.txt"]),
        ("wget -O environment.yml https://x", ["environment.yml"]),
        ("curl -sO https://x/a/r.txt?raw=1", ["r.txt"]),
        ("wget -q https://x/r.txt", ["r.txt"]),
        ("curl https://x/r.txt", []),
        ("""python -c "open('r.txt','w').write(open('s.in').read())\"""", ["r.txt", "s.in"]),
        ("""python -c "print(open('r.txt').read())" > s.txt""", ["s.txt"]),
        ("python3 - <<E\nopen('pyproject.toml', 'w')\nE", ["pyproject.toml"]),
        ("sudo bash -c 'echo a > /r.txt'", ["/r.txt"]),
        ("cd $HIDDEN && echo a > r.txt", ["r.txt"]),
        ("echo a > $HIDDEN/r.txt", ["$HIDDEN/r.txt"]),
    ],
)  # fmt: skip
def test_files_that_a_command_writes(run: str, paths: list[str]) -> None:
    assert [action.path for action in follow(run)[1] if isinstance(action, Rewritten)] == paths


def test_a_file_is_written_before_what_follows_reads_it() -> None:
    text, found = follow("sed -i /x/d r.txt && pip install -r r.txt && pip freeze > r.txt")
    assert [type(action).__name__ for action in found] == ["Rewritten", "Install", "Rewritten"]
    assert at(text, found[0].place) == "sed -i /x/d r.txt"


# --- what cannot be followed


@pytest.mark.parametrize(
    ("run", "what"),
    [
        ("pip install tensorflow==$HIDDEN", "pip install tensorflow==$HIDDEN"),
        ("pip install $NOWHERE", "pip install $NOWHERE"),
        ("pip install $(cat r.txt)", "pip install $(cat r.txt)"),
        ("for p in a b; do pip install $p; done", "pip install $p"),
        ("cat r.txt | xargs -n1 pip install", "xargs -n1 pip install"),
        ("curl -fsSL https://x.org/i.sh | sudo bash -s -- a", "curl -fsSL https://x.org/i.sh | bash -s -- a"),
        ("./install.sh --gpu", "./install.sh --gpu"),
        ("bash /tmp/setup.sh", "bash /tmp/setup.sh"),
        ("eval $HIDDEN", "eval $HIDDEN"),
        ("pip install /w/*.whl", "pip install /w/*.whl"),
        ("pip install 'a b'", "pip install a b"),
        ("apt-get install $HIDDEN", "apt-get install $HIDDEN"),
        ("pip install $(if x; then echo a; else echo b; fi)", "pip install $(...)"),
        ("./install.sh a `case x in y) b;; esac`", "./install.sh a $(...)"),
        ("if x; then ./install.sh a else ./b.sh; fi", "./install.sh a"),
        ("$HIDDEN install a", "$HIDDEN install a"),
        ("pip install -r https://x/r.txt", "pip install -r https://x/r.txt"),
    ],
)
def test_what_cannot_be_followed(run: str, what: str) -> None:
    found = one(run)
    assert isinstance(found, Opaque)
    assert found.what == what


@pytest.mark.parametrize("run", ["curl -LsSf https://astral.sh/uv/install.sh | sh", "curl -sSL https://install.python-poetry.org | python3 -", "bash -c \"$(curl -fsSL https://sh.rustup.rs)\""])  # fmt: skip
def test_installers_of_known_programs_are_no_matter(run: str) -> None:
    assert follow(run)[1] == ()


def test_only_a_run_does_something() -> None:
    file = read_dockerfile(Source("Dockerfile", "FROM a\nONBUILD RUN pip install a\nCMD pip install b\n"))
    assert [actions_of(each, {}, file.source) for each in file.instructions] == [(), (), ()]


def test_a_script_that_stands_elsewhere() -> None:
    text = "script:\n  - pip install tensorflow==2.15.0\n"
    start = text.index("pip")
    (found,) = actions_of_script(text[start:-1], tuple(range(start, len(text) - 1)), {}, Source("ci.yml", text))
    assert isinstance(found, Install)
    assert [at(text, pin.version_place) for pin in found.pins] == ["==2.15.0"]


def test_shells_in_shells_are_bounded() -> None:
    run = "pip install a"
    for _ in range(9):
        run = f'eval "{run}"' if '"' not in run else "eval " + run
    assert all(isinstance(action, Install | Opaque) for action in follow(run)[1])
    double = ";".join(["A=$A$A"] * 60) + "; pip install x$A"
    assert isinstance(
        actions_of(read_dockerfile(Source("D", f"FROM a\nRUN A=aaaa;{double}\n")).instructions[1], {}, Source("D", ""))[0], Opaque
    )


@pytest.mark.parametrize(
    "part",
    [
        "a==1 ",
        "$(",
        "<<E ",
        "eval ",
        "sudo ",
        "( ",
        "bash -c '",
        "; A=$A$A",
        "''",
        "| bash ",
        "&& pip install x",
        "-r",
        "> r.txt ",
        "[ -f x ] && a || ",
        "$(then ",
    ],
)
def test_hostile_runs_end_soon(part: str) -> None:
    file = read_dockerfile(Source("D", "FROM a\nRUN A=aa pip install " + part * 5000))
    assert len(actions_of(file.instructions[1], {}, file.source)) <= 5001


# --- laws

SCRIPTS = st.lists(
    st.sampled_from(
        ["pip ", "install ", "tensorflow==2.15.0 ", "'numpy<2' ", "-r ", "r.txt ", "$V ", "$LIST", "${HIDDEN}", "&& ", "; ", "| ", "|| ", "bash -c ", "'", '"',
         "\\\n", "conda ", "create ", "-n ", "python=3.10 ", "uv ", "sync ", "sudo ", "env ", "A=1 ", "export ", "cd ", "/x ", "( ", ") ", "<<EOF\n", "\nEOF\n",
         "if ", "then ", "fi ", "apt-get ", ".[x] ", "-e ", "eval ", "$(", "poetry ", "add ", "python ", "-m ", "venv ", "> ", "/etc/ld.so.conf.d/x ", "tee ",
         "pyenv ", "make ", "su ", "-c ", "xargs ", ". ", "a/bin/activate ", "ln ", "update-alternatives ", "--install ", "-", "=", "[", "@", "é"]
    ),
    max_size=25,
).map("".join)  # fmt: skip


def places_of(action: Action) -> list[Place]:
    found = [action.place]
    if isinstance(action, Install):
        found += [pin.place for pin in action.pins] + [file.place for file in action.files]
        found += [pin.version_place for pin in action.pins if pin.version_place is not None]
    elif isinstance(action, SystemPackages):
        found += [place for _, _, place in action.packages]
    return found


def check(text: str) -> None:
    file = read_dockerfile(Source("Dockerfile", text))
    for instruction in file.instructions:
        for action in actions_of(instruction, ENVIRONMENT, file.source):
            for place in places_of(action):
                assert 0 <= place.start < place.end <= len(text)
                assert instruction.start <= place.start <= place.end <= instruction.end
            for pin in action.pins if isinstance(action, Install) else ():
                check_pin(text, pin)


def check_pin(text: str, pin: Pin) -> None:
    """Where an edit is said to be safe, the text there is the specifier, and the requirement ends with it."""
    if pin.version_place is not None and pin.kind != "conda":
        from packaging.specifiers import SpecifierSet

        assert str(SpecifierSet(at(text, pin.version_place).strip("() "))) == pin.specifier
        assert pin.version_place.end == pin.place.end


@settings(max_examples=500, deadline=None)
@given(SCRIPTS)
def test_no_script_raises_and_every_place_is_right(script: str) -> None:
    check(f"FROM a\nRUN {script}\n")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_no_text_raises(script: str) -> None:
    check(f"FROM a\nRUN {script}\n")


@pytest.mark.parametrize("path", sorted((Path(__file__).parent / "dockerfiles").glob("*.Dockerfile")), ids=lambda path: path.stem)
def test_the_places_of_the_fixtures(path: Path) -> None:
    check(path.read_bytes().decode("utf-8"))
