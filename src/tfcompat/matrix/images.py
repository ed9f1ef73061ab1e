"""Joins the curated image rows with what a refresh read in the registries.

The registry says which tags there are, their digests and platforms; the curated row says what is inside. A tag that
the registry no longer lists becomes ``gone``; one without a curated row gets its cells from the config that was read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfcompat.tags import TagName

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["FILES", "join_images"]

Row = dict[str, Any]

FILES = {  # below data/measured/images, by repository
    "tensorflow/tensorflow": "tensorflow.jsonl",
    "nvidia/cuda": "nvidia-cuda.jsonl",
    "python": "python-slim.jsonl",
    "nvcr.io/nvidia/tensorflow": "ngc-tensorflow.jsonl",
}
_SECTIONS = {"tensorflow/tensorflow": "official_tags", "nvidia/cuda": "cuda", "python": "python", "nvcr.io/nvidia/tensorflow": "ngc"}


def join_images(document: Row, measured: Mapping[str, list[Row]], dates: Mapping[str, str]) -> None:
    """Change *document* in place: *measured* and *dates* (ISO) are by repository, where it was refreshed."""
    for repository, rows in measured.items():
        date = dates[repository]
        document["snapshots"][repository] = date
        images = document["images"]
        section = _SECTIONS[repository]
        images[section] = list(_joined(images[section], {row["tag"]: row for row in rows}, repository, date))
        known = {row["tag"] for row in images[section]}
        for row in rows:
            if row["tag"] not in known:
                made = _made(repository, row, date)
                if made is not None:
                    images[section].append(made)
                    _add_contents(document, repository, row, date)


def _joined(rows: list[Row], measured: Mapping[str, Row], repository: str, date: str) -> Iterator[Row]:
    for row in rows:
        seen = measured.get(row["tag"])
        evidence = {**row["evidence"], "digest": [_statement(repository, date)]}
        if seen is not None:
            platforms = {"platforms": list(seen["platforms"])} if seen["platforms"] else {}
            listed = {"available": "listed"} if row.get("available") in ("delisted", "unknown") else {}
            yield {**row, **listed, "status": "measured", "digest": seen["digest"], **platforms, "evidence": evidence}
        elif row.get("available") == "delisted":
            yield row
        else:
            yield {**row, "status": "gone", "evidence": evidence}


def _made(repository: str, row: Row, date: str) -> Row | None:
    """A row for a tag that no curated row describes; None where too little was read of it."""
    tag, contents = TagName.parse(row["tag"]), row.get("contents") or {}
    common = {
        "tag": row["tag"],
        "status": "measured",
        "digest": row["digest"],
        "platforms": list(row["platforms"]) or None,
        "evidence": {"*": [_statement(repository, date), *contents.get("evidence", [])]},
    }
    if repository == "python":
        return {
            **common,
            "python": str(tag.version),
            "suite": tag.variants[1] if len(tag.variants) > 1 else contents.get("suite"),
            "maintained": True,
            "last_listed": date,
        }
    if repository == "tensorflow/tensorflow":
        return {
            **common,
            "tensorflow": contents.get("tensorflow"),  # what is inside, whatever the name
            "variants": list(tag.variants),
            "rolling": tag.rolling,
            "prerelease": tag.prerelease,
        }
    if repository == "nvidia/cuda":
        flavor = next((v for v in tag.variants if v in ("base", "runtime", "devel")), None)
        with_cudnn = any(v.startswith("cudnn") for v in tag.variants)
        if flavor is None or not contents.get("cuda") or (with_cudnn and not contents.get("cudnn")):
            return None
        cudnn = contents["cudnn"] if with_cudnn else None
        return {
            **common, "cuda": contents["cuda"], "cudnn": cudnn, "flavor": flavor, "os": tag.variants[-1],
            "require": f"{repository}:{row['tag']}" if contents.get("require") else None, "available": "listed",
        }  # fmt: skip
    return {**common, **{name: contents[name] for name in ("tensorflow", "python", "cuda", "cudnn", "os") if contents.get(name)}}


def _add_contents(document: Row, repository: str, row: Row, date: str) -> None:
    """What was read of the content, where it has tables of its own."""
    contents = row.get("contents") or {}
    name = f"{repository}:{row['tag']}"
    if contents.get("require") and repository in ("nvidia/cuda", "tensorflow/tensorflow"):
        document["nvidia_require_cuda"][name] = contents["require"]
    if repository != "tensorflow/tensorflow" or not contents.get("tensorflow"):
        return
    tag = TagName.parse(row["tag"])
    accelerator = "gpu" if "gpu" in tag.variants else "cpu"
    rows = document["images"]["official_contents"]
    if any(c["tensorflow"] == contents["tensorflow"] and c["accelerator"] == accelerator for c in rows):
        return
    cells = {n: contents[n] for n in ("python", "cuda", "cudnn", "os", "distribution") if contents.get(n)}
    evidence = {"*": [_statement(repository, date), *contents.get("evidence", [])]}
    require = {"require": name} if contents.get("require") else {}
    rows.append(
        {
            "tensorflow": contents["tensorflow"],
            "accelerator": accelerator,
            **cells,
            **require,
            "platforms": list(row["platforms"]),
            "evidence": evidence,
        }
    )


def _statement(repository: str, date: str) -> str:
    return f"measured: the registry's listing of {repository} on {date}"
