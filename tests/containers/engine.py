"""podman and runc with a store, a configuration and a clean-up of their own: nothing of this machine's /etc or images is touched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

__all__ = ["Engine", "Ran", "open_engine", "run_tool"]


KEEP = "TFCOMPAT_CONTAINERS"  # a folder for what is slow to make: bases, images, wheels
_LIMIT = 600.0

# crun refuses hybrid cgroups, the default bridge changes the host's network, and the default limits need CAP_SYS_RESOURCE.
_CONTAINERS = """\
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
netns = "host"
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


class Ran(NamedTuple):
    """A command that is over: how it ended, what it wrote, and how long it took."""

    code: int
    out: str
    err: str
    seconds: float


def run_tool(
    arguments: Sequence[str], *, check: bool = True, text: str = "", env: Mapping[str, str] | None = None, folder: Path | None = None
) -> Ran:
    """Run it to its end; with *check* any other exit code than 0 is an error that shows what it wrote."""
    began = time.monotonic()
    done = subprocess.run(
        arguments,
        input=text,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=_LIMIT,
        env={**os.environ, **(env or {})},
        cwd=folder,
    )
    ran = Ran(done.returncode, done.stdout, done.stderr, time.monotonic() - began)
    if check and ran.code:
        raise AssertionError(f"{' '.join(arguments)} ended with {ran.code}:\n{ran.out[-3000:]}\n{ran.err[-6000:]}")
    return ran


class Engine:
    """A podman whose images and containers lie below *folder*; what is kept between runs lies below *kept*."""

    def __init__(self, folder: Path, kept: Path) -> None:
        self.folder, self.kept = folder, kept
        self.graph = kept / "graph"
        run = kept / "run"  # podman's database keeps these paths, so that they must be the same for the same store
        (folder / "containers.conf").write_text(f'{_CONTAINERS}tmp_dir = "{run}/libpod"\n')
        (folder / "storage.conf").write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{self.graph}"\nrunroot = "{run}"\n')
        (folder / "registries.conf").write_text("unqualified-search-registries = []\n")
        self.env = {
            "CONTAINERS_CONF": f"{folder}/containers.conf",
            "CONTAINERS_STORAGE_CONF": f"{folder}/storage.conf",
            "CONTAINERS_REGISTRIES_CONF": f"{folder}/registries.conf",
            "BUILDAH_FORMAT": "docker",  # the OCI format has no HEALTHCHECK
        }

    @property
    def whole_env(self) -> dict[str, str]:
        return {**os.environ, **self.env}

    def podman(self, *arguments: str, check: bool = True, text: str = "") -> Ran:
        """In a folder of its own: conmon leaves a file ``oom`` where it was started when memory ran out."""
        return run_tool(["podman", *arguments], check=check, text=text, env=self.env, folder=self.folder)

    def run(self, *arguments: str, text: str | None = None) -> Ran:
        """``podman run``: options, image and command; without network, and with standard input where *text* is given."""
        stdin = [] if text is None else ["-i"]
        return self.podman("run", "--rm", "--network", "none", *stdin, *arguments, check=False, text=text or "")

    @contextmanager
    def started(self, *arguments: str) -> Iterator[str]:
        """A container in the background, by its id; removed in the end."""
        identity = self.podman("run", "--detach", "--network", "none", *arguments).out.strip()
        try:
            yield identity
        finally:
            self.podman("rm", "--force", "--time", "0", identity, check=False)

    def processes(self, container: str) -> list[str]:
        """What runs in it, by name."""
        return self.podman("top", container, "comm").out.split()[1:]

    def has(self, image: str) -> bool:
        return self.podman("image", "exists", image, check=False).code == 0

    def build(self, image: str, context: Path, *options: str) -> None:
        """Build the Dockerfile of *context*, unless an earlier session built and kept it under the same name."""
        if not self.has(image):
            self.podman("build", "--quiet", "--tag", image, *options, str(context))

    def load_base(
        self, image: str, packages: Sequence[str], suite: str = "bookworm", *, options: Sequence[str] = (), sources: Sequence[str] = ()
    ) -> None:
        """A Debian with *packages*, fetched from its archive, under the name *image*; *sources* are those of apt, *options* mmdebstrap's."""
        if self.has(image):
            return
        work = Path(mkdtemp(prefix="base-", dir=self.folder))
        tar = work / "base.tar"
        certificates = Path("/etc/ssl/certs/ca-certificates.crt")
        # pip in a virtual environment trusts its own list of authorities; this machine's may have one more, of a proxy
        pip = work / "pip.conf"
        pip.write_text(f"[global]\ncert = {certificates}\ndisable-pip-version-check = true\n")
        copied = [f"--customize-hook=copy-in {certificates} /etc/ssl/certs"] if certificates.exists() else []
        made = ["--quiet", "--variant=minbase", f"--include={','.join(packages)}", "--dpkgopt=path-exclude=/usr/share/doc/*", *options]
        run_tool(["mmdebstrap", *made, *copied, f"--customize-hook=copy-in {pip} /etc", suite, str(tar), *sources])
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        self.podman("import", "--quiet", f"--change=ENV {path}", "--change=CMD /bin/bash", str(tar), image)
        shutil.rmtree(work)

    def close(self) -> None:
        """Remove every container, and every image and file that is not to be kept."""
        self.podman("rm", "--all", "--force", "--time", "1", check=False)
        if self.folder not in self.kept.parents:
            self.podman("image", "prune", "--force", check=False)
        subprocess.run(["umount", self.graph / "overlay"], check=False, capture_output=True)  # podman mounts it onto itself
        for _ in range(10):  # podman cleans up behind a container on its own, and may write a last file
            shutil.rmtree(self.folder, ignore_errors=True)
            if not self.folder.exists():
                break
            time.sleep(0.5)


@contextmanager
def open_engine() -> Iterator[Engine]:
    """An engine, and its end. The folder is outside of pytest's, which would keep gigabytes for three sessions."""
    folder = Path(mkdtemp(prefix="tfcompat-", dir="/tmp" if sys.platform == "linux" else None))
    kept = Path(os.environ[KEEP]) if os.environ.get(KEEP) else folder / "kept"
    kept.mkdir(parents=True, exist_ok=True)
    engine = Engine(folder, kept)
    try:
        yield engine
    finally:
        engine.close()
