"""``tfcompat rule``."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from tfcompat.cli.output import write_out
from tfcompat.cli.parsers import teach
from tfcompat.errors import RequestError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from tfcompat.outputs.gate.pages import Page

__all__ = ["add_arguments"]

SCHEMA_VERSION = 1
_WIDTH = 110


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The rule, and the form."""
    parser.add_argument("rule", metavar="ID", nargs="?", help="a rule as findings name it; without one, all of them are listed")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.set_defaults(run=run_rule)
    teach(
        parser,
        ("tfcompat rule", "all rules, with how grave they are"),
        ("tfcompat rule cudnn-runtime", "why that is a fault, and what to do"),
        ("tfcompat rule cudnn-runtime --format json", "the same for machines"),
        exit_codes="0 explained; 2 there is no such rule",
    )


def run_rule(options: argparse.Namespace) -> int:
    """Explain one rule, or list them all."""
    from tfcompat.outputs.gate.pages import find_page, pages

    if options.rule is None:
        found = pages()
        write_out(_dump({"rules": [_document(page) for page in found]}) if options.format == "json" else _listed(found))
        return 0
    page = find_page(options.rule)
    if page is None:
        from tfcompat.gate.selection import nearest

        raise RequestError(f"there is no rule {options.rule[:80]!r}", nearest(options.rule))
    write_out(_dump(_document(page)) if options.format == "json" else "".join(f"{line}\n" for line in _lines(page)))
    return 0


def _dump(document: dict[str, Any]) -> str:
    import json

    return json.dumps({"schema_version": SCHEMA_VERSION, **document}, indent=2) + "\n"


def _document(page: Page) -> dict[str, Any]:
    return {
        "rule": page.id,
        "title": page.title,
        "severity": page.severity,
        "why": page.why,
        "remedy": page.remedy,
        "judged_by": list(page.judged_by),
        "said_as": list(page.said_as),
        "messages": [{"rule": s.rule, "reason": s.reason, "message": s.message, "remedy": s.remedy} for s in page.sentences],
        "page": page.page,
    }


def _listed(found: tuple[Page, ...]) -> str:
    width = max(len(page.id) for page in found)
    return "".join(f"{page.id:<{width}}  {page.severity:<7}  {page.title}\n" for page in found)


def _lines(page: Page) -> Iterator[str]:
    from tfcompat.outputs.gate.pages import HOME
    from tfcompat.prose import listed

    yield f"{page.id}: {page.title}"
    yield f"severity: {page.severity} at most"
    yield ""
    yield from _wrapped(page.why)
    if page.remedy:
        yield from _wrapped(f"What to do: {page.remedy}.")
    if page.said_as:
        yield from _wrapped(f"The gate tells {'the rest of it' if page.sentences else 'it'} as {listed(page.said_as)}.")
    if page.sentences:
        yield ""
        yield f"Judged by {listed(page.judged_by)} of the rulebook, which say{'s' if len(page.judged_by) == 1 else ''}:"
        for sentence in page.sentences:
            yield from _wrapped(f"- {sentence.reason}: {sentence.message}", "  ", "    ")
    yield ""
    if HOME:
        yield f"More: {page.page}"
    name = page.said_as[0] if page.said_as and not page.sentences else page.id
    yield f"To excuse one finding: # tfcompat: ignore[{name}] reason"


def _wrapped(text: str, first: str = "", rest: str = "") -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False)
