"""``tfcompat probe``, and the options that are the probe's own."""

from __future__ import annotations

import argparse
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from tfcompat.cli.output import write_out
from tfcompat.cli.parsers import teach

if TYPE_CHECKING:
    from tfcompat.probing import Probe

__all__ = ["add_arguments", "add_probe_arguments", "start_probe"]

_LONGEST = 86400  # seconds
_MOST_GPUS = 64  # that the probe looks at


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Run it here, or write the script out for another container."""
    parser.add_argument(
        "--print", dest="script", action="store_true", help="write the script itself, to be piped into any container's python"
    )
    add_probe_arguments(parser)
    parser.set_defaults(run=run)
    teach(
        parser,
        ("tfcompat probe --no-smoke > facts.json", "what this environment is; 'tfcompat check --facts facts.json' judges it"),
        ("tfcompat probe --print > probe.py", "the script itself: one file for Python 3.6 and later, which needs nothing else"),
        ("tfcompat probe --print | docker run --rm --gpus all -i IMAGE python - --expect gpu > facts.json", "the facts of an image"),
        exit_codes="0 printed; 2 usage; 3 the probe could not run",
    )


def add_probe_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that the probe understands as well."""
    parser.add_argument(
        "--expect",
        choices=("gpu", "cpu", "auto"),
        default="auto",
        help="what is promised; auto: a GPU where a device node or a driver is seen",
    )
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=_seconds, default=300.0, help="for TensorFlow and the smoke test (default: 300)"
    )
    parser.add_argument(
        "--stress",
        metavar="SECONDS",
        type=_seconds,
        default=0.0,
        help="multiply large matrices for so many seconds, on each device that is tried",
    )
    parser.add_argument("--all-gpus", action="store_true", help="the smoke test on every GPU, not on the first alone")
    parser.add_argument(
        "--no-smoke", dest="smoke", action="store_false", help="import TensorFlow and compute nothing: the verdict stays open"
    )


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number <= _LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to {_LONGEST}")
    return number


def start_probe(options: argparse.Namespace) -> Probe:
    """The probe under way, with what was given as its own arguments."""
    from tfcompat.probing import Probe

    with suppress(ValueError):  # not in the main thread
        # so that the probe is stopped as well; in the background of a shell SIGINT itself is ignored
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    flags = ["--all-gpus"] * options.all_gpus + ["--no-smoke"] * (not options.smoke)
    given = ["--expect", options.expect, "--timeout", f"{options.timeout:g}", "--stress", f"{options.stress:g}", *flags]
    return Probe(given, options.timeout + options.stress * (_MOST_GPUS if options.all_gpus else 1))


def run(options: argparse.Namespace) -> int:
    """Print the facts as JSON, or the script. They are judged by ``tfcompat check --facts``."""
    if options.script:
        from tfcompat.probing import SCRIPT

        write_out(SCRIPT.read_text(encoding="utf-8"))
    else:
        write_out(start_probe(options).finish().decode())
    return 0
