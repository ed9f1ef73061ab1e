"""gpu-not-requested: what starts the container gives it no GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.gate.finding import Related
from tfcompat.gate.judge import finding, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tfcompat.gate.declared import ImageUse
    from tfcompat.gate.finding import Finding
    from tfcompat.gate.started import Started
    from tfcompat.gate.subject import Subject

__all__ = ["find_unrequested"]

_NONE = ("", "-1", "none", "void", "NoDevFiles")


def find_unrequested(pairs: Sequence[tuple[Started, Subject]], uses: Sequence[ImageUse]) -> Iterator[Finding]:
    """Services, containers and pods with an image for a GPU, unless one beside it with the same image has the GPU.

    *uses* are all that files declare: ``compose.override.yaml`` may give a service its GPU and name no image.
    """
    with_gpu = {(s.use.place.file, _image(s)) for s, _ in pairs if s.use is not None and s.use.gpu}
    named = {(_folder(use), use.what) for use in uses if use.gpu}
    for started, subject in pairs:
        use = started.use
        if use is None or use.gpu is not False or not subject.meant or subject.held is None or _on_purpose(started):
            continue
        if (use.place.file, _image(started)) in with_gpu or (_folder(use), use.what) in named:
            continue
        why = "the target" if subject.meant == "the target" else f"{subject.meant}"
        message = f"{use.what} requests no GPU, and {why} means one: TensorFlow runs on the CPU without an error"
        yield finding(
            subject,
            "gpu-not-requested",
            "warning",
            use.where_gpu or use.place,
            message,
            Related(place_of(subject), str(subject.tensorflow or "")),
        )


def _folder(use: ImageUse) -> str:
    return use.place.file.rpartition("/")[0]


def _image(started: Started) -> tuple[str | None, str | None]:
    use = started.use
    if use is None:
        return None, None
    return use.reference, use.build.dockerfile if use.build else None


def _on_purpose(started: Started) -> bool:
    """Whether a variable hides the GPUs."""
    variables = started.stage.variables
    return any(variables.get(name, "all") in _NONE for name in ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"))
