"""``tfcompat image list | inspect | verify | refresh``."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfcompat.cli.output import write_out
from tfcompat.cli.parsers import teach
from tfcompat.cli.registry import add_registry_arguments, open_registries
from tfcompat.errors import CouldNotCheck, RequestError
from tfcompat.images import REPOSITORIES
from tfcompat.matrix.load import load_bundled, load_matrix
from tfcompat.reference import Reference

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from tfcompat.matrix import Matrix
    from tfcompat.sightings import Learned, Observed

__all__ = ["add_arguments"]

_LIMIT = 80  # images; Docker Hub lets an address without an account read about 100 manifests in six hours
_EXAMPLES = {
    "list": (
        ("tfcompat image list --version 2.15 --variant gpu", "the tags of tensorflow/tensorflow for GPUs, of that release"),
        ("tfcompat image list --offline --without jupyter --limit 20", "what is known without the network"),
        ("tfcompat image list nvcr.io/nvidia/tensorflow --online", "as the registry has it now"),
    ),
    "inspect": (
        ("tfcompat image inspect tensorflow/tensorflow:2.18.0-gpu", "what is inside, and that it runs on the CPU in spite of its name"),
        (
            "tfcompat image inspect tensorflow/tensorflow:2.15.0-gpu --offline --gpu A100 --driver 535.104.05",
            "judged for that host, offline",
        ),
        ("tfcompat image inspect ghcr.io/OWNER/IMAGE:TAG --online --format json", "an image of your own, for machines"),
    ),
    "verify": (
        ("tfcompat image verify", "where the matrix and the registries have come apart"),
        ("tfcompat image verify tensorflow/tensorflow --limit 10", "the same of one repository, with few questions"),
    ),
    "refresh": (
        ("tfcompat image refresh", "in a checkout: how the snapshot differs from what the registries list today"),
        ("tfcompat image refresh nvidia/cuda --write && tfcompat matrix compile", "keep what was read of one repository"),
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One parser a subcommand."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    list_ = commands.add_parser("list", help="the tags of a repository, newest version first")
    list_.add_argument(
        "repository", nargs="?", default="tensorflow/tensorflow", metavar="REPOSITORY", help="default: tensorflow/tensorflow"
    )
    list_.add_argument("--version", metavar="SPEC", help="only versions that match, as in 2.15 or '>=2.16'")
    list_.add_argument(
        "--variant", metavar="NAME", action="append", default=[], help="only with this variant: gpu, jupyter, devel, rc; repeat for several"
    )
    list_.add_argument("--without", metavar="NAME", action="append", default=[], help="only without this variant; repeatable")
    list_.add_argument("--limit", metavar="N", type=_count, help="at most so many")
    list_.set_defaults(run=run_list, of_matrix=True)

    inspect = commands.add_parser("inspect", help="what is inside an image, and whether that goes together; nothing is pulled")
    inspect.add_argument("reference", metavar="REFERENCE", help="as in tensorflow/tensorflow:2.18.0-gpu")
    inspect.add_argument("--platform", default="linux/amd64", metavar="OS/ARCH", help="default: linux/amd64")
    inspect.add_argument("--gpu", metavar="GPU", action="append", default=[], help="judge it for this GPU as well; repeatable")
    inspect.add_argument("--driver", metavar="VERSION", help="and for this NVIDIA driver")
    inspect.add_argument("--evidence", action="store_true", help="with --format text: every statement behind the contents")
    inspect.set_defaults(run=run_inspect, of_matrix=True)

    verify = commands.add_parser("verify", help="compare the image rows of the matrix with the registries; exit code 1 where they differ")
    verify.add_argument("repository", nargs="*", metavar="REPOSITORY", help=f"of {', '.join(REPOSITORIES)}; default: all")
    verify.add_argument(
        "--limit", metavar="N", type=_count, default=_LIMIT, help=f"look into at most so many images not read before (default: {_LIMIT})"
    )
    verify.set_defaults(run=run_verify)

    refresh = commands.add_parser("refresh", help="read tags and digests anew into data/measured/images, and print the difference")
    refresh.add_argument("repository", nargs="*", metavar="REPOSITORY", help=f"of {', '.join(REPOSITORIES)}; default: all")
    refresh.add_argument("--write", action="store_true", help="keep what was read; without it nothing is changed")
    refresh.add_argument("--allow-shrink", action="store_true", help="accept that the registry has lost tags")
    refresh.add_argument("--data", metavar="DIR", type=Path, default=Path("data"), help="the data folder of a checkout (default: data)")
    refresh.set_defaults(run=run_refresh)

    for command in (list_, inspect):
        command.add_argument("--online", action="store_true", help="take nobody's word but the registry's")
        command.add_argument("--offline", action="store_true", help="ask nobody: what was kept, and the snapshot")
    for command in (list_, inspect, verify):
        command.add_argument("--format", choices=("text", "json"), default="text")
    for command in (list_, inspect, verify, refresh):
        command.add_argument("--matrix", metavar="PATH", type=Path, help="a compiled matrix instead of the bundled one")
        add_registry_arguments(command, lists=command is list_)
    for name, command in commands.choices.items():
        teach(command, *_EXAMPLES[name])
    teach(parser, *(_EXAMPLES[name][0] for name in ("list", "inspect", "verify")))


def _count(text: str) -> int:
    number = int(text) if text.isdecimal() and len(text) < 10 else -1
    if number < 0:
        import argparse

        raise argparse.ArgumentTypeError(f"{text!r} is not a number of images")
    return number


def run_list(options: argparse.Namespace) -> int:
    """Every tag that the filters leave, newest version first."""
    from tfcompat.outputs.images import render_tags, render_tags_json, tag_cells
    from tfcompat.sightings import fetch_listing
    from tfcompat.tags import TagName

    reference = _repository(options.repository)
    keep = _filter(options)
    with open_registries(options, options.offline, anew=options.online) as registries, _progress("tags") as progress:
        learned = fetch_listing(registries, _matrix(options), reference, _mode(options), progress)
        asked = registries.transport.requests
    if learned is None:
        print(f"tfcompat: there is no repository {reference.repository} that may be seen", file=sys.stderr)
        return 1
    listing = learned.listing
    entries = sorted(((TagName.parse(t.name), t) for t in listing.tags), key=lambda pair: pair[0].order)
    rows = [tag_cells(name, t.digest, t.platforms, t.size, t.updated) for name, t in entries if keep(name)][: options.limit]
    if options.format == "json":
        write_out(render_tags_json(rows, reference.repository, learned.origin, listing.asked, listing.complete))
    else:
        shown = f"{len(rows)} of {len(listing.tags)} tags"
        write_out(render_tags(rows, f"{shown}; {_said(learned, asked)}") if rows else f"{shown}; {_said(learned, asked)}\n")
    _say_why(learned, listing.asked)
    return 0 if rows else 1


def _filter(options: argparse.Namespace) -> Callable[[Any], bool]:
    from tfcompat.versions import parse_specifier

    wanted = parse_specifier(options.version, "--version") if options.version is not None else None

    def keep(name: Any) -> bool:
        fits = wanted is None or (name.version is not None and wanted.contains(name.version, prereleases=True))
        return fits and all(v in name.variants for v in options.variant) and not any(v in name.variants for v in options.without)

    return keep


def _said(learned: Learned, requests: int) -> str:
    listing = learned.listing
    partial = ", which counts more than it shows" if learned.origin == "registry" and not listing.complete else ""
    return _who(learned.origin, listing.source, f"{listing.asked}{partial}", requests)


def _who(origin: str, source: str, asked: str, requests: int) -> str:
    """Whose word it is, and of when."""
    if origin == "snapshot":
        return f"snapshot of {asked}"
    if origin == "cache":
        return f"what {source} said at {asked}"
    return f"asked {source} at {asked} ({requests} request{'' if requests == 1 else 's'} made)"


def _say_why(learned: Learned | Observed, asked: str | None) -> None:
    """On standard error: that this is not the registry's own word, and of when it is."""
    if learned.why:
        used = {"cache": f"; this is what it said at {asked}", "snapshot": f"; this is the snapshot of {asked}"}[learned.origin]
        print(f"tfcompat: {learned.why}{used if asked else ', and the snapshot does not cover it'}", file=sys.stderr)


def run_inspect(options: argparse.Namespace) -> int:
    """Exit code 1 when a rule rejects what is inside or the image is not there, 3 when nobody knows whether it is."""
    from tfcompat.online import inspect_reference
    from tfcompat.outputs.images import render_inspection, render_inspection_json

    matrix, reference = _matrix(options), Reference.parse(options.reference)
    with open_registries(options, options.offline) as registries:
        inspection, observed = inspect_reference(
            options.reference, registries, matrix, options.platform, options.gpu, options.driver, _mode(options)
        )
        asked = registries.transport.requests
    sighting, size = observed.sighting, observed.manifest.size if observed.manifest else None
    when = sighting.asked if sighting else matrix.snapshots.get(reference.repository, matrix.measured)
    if options.format == "json":
        write_out(render_inspection_json(inspection, size, observed.origin, when))
    else:
        who = _who(observed.origin, sighting.source if sighting else "", when, asked)
        write_out(render_inspection(inspection, size, who, options.evidence))
    _say_why(observed, sighting.asked if sighting else matrix.snapshots.get(reference.repository))
    nothing = inspection.image.status == "unknown" or inspection.unread
    return 1 if inspection.rejected else 3 if nothing else 0


def run_verify(options: argparse.Namespace) -> int:
    """Exit code 1 on drift, 3 when something could not be established, 0 when everything was and agrees."""
    from tfcompat.outputs.images import render_drift, render_drift_json
    from tfcompat.verification import Verification, verify_repository

    matrix, found = _matrix(options), []
    repositories = _covered(options.repository)
    with open_registries(options, anew=True) as registries:
        for repository in repositories:
            try:
                with _progress(repository) as progress:
                    found.append(verify_repository(registries, matrix, repository, options.limit, progress))
            except CouldNotCheck as error:  # what the other repositories say is not lost
                if len(repositories) == 1:
                    raise
                found.append(Verification(repository, 0, (), 0, (error.message,)))
    drift = [d for v in found for d in v.drift]
    unestablished = [f"{v.repository}: {text}" for v in found for text in v.open]
    if options.format == "json":
        write_out(render_drift_json(drift, unestablished))
    else:
        counts = f"{sum(v.tags for v in found)} tags listed, {sum(v.compared for v in found)} images looked into"
        write_out(render_drift(drift, unestablished, f"{len(drift)} differences; {counts}"))
    return 1 if drift else 3 if unestablished else 0


def run_refresh(options: argparse.Namespace) -> int:
    """Read everything first, print the difference, and write only when told to."""
    from datetime import datetime, timezone

    from tfcompat.refresh import plan_changes, write_files
    from tfcompat.snapshot import load_dates, losses, measure_repository

    matrix, files = _matrix(options), {}
    repositories = _covered(options.repository)
    with open_registries(options, anew=True) as registries:
        for repository in repositories:
            with _progress(repository) as progress:
                files.update(measure_repository(registries, matrix, repository, progress))
        today = datetime.fromtimestamp(registries.now(), timezone.utc).date().isoformat()
    folder = options.data / "measured" / "images"
    changes = [*plan_changes(folder, files), *losses(matrix, folder, files)]
    for change in changes:
        print(change)
    if options.write:
        write_files(folder, files, changes, {**load_dates(folder), **dict.fromkeys(repositories, today)}, options.allow_shrink)
    print(f"{len(changes)} rows differ; {'written' if options.write else 'nothing was changed (use --write)'}", file=sys.stderr)
    return 0


def _matrix(options: argparse.Namespace) -> Matrix:
    return load_matrix(options.matrix) if options.matrix else load_bundled()


def _mode(options: argparse.Namespace) -> Any:
    if options.online and options.offline:
        raise RequestError("--online excludes --offline", "leave one of them out")
    return "online" if options.online else "auto"


def _repository(text: str) -> Reference:
    reference = Reference.parse(text)
    if reference.digest is not None or text.strip().rpartition("/")[2].count(":"):
        raise RequestError(f"{text!r} names one image, not a repository", "leave the tag out, or use 'tfcompat image inspect'")
    return reference


def _covered(names: list[str]) -> tuple[str, ...]:
    repositories = tuple(_repository(name).repository for name in names) or REPOSITORIES
    unknown = [name for name in repositories if name not in REPOSITORIES]
    if unknown:
        raise RequestError(f"the matrix has no rows of {unknown[0]}", f"one of {', '.join(REPOSITORIES)}")
    return repositories


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int | None], None] | None]:
    """A progress bar on standard error; without a terminal none, and rich is not even imported."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
