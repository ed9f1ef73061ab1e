"""What is asked: the person's lines as wishes for the resolver, and TensorFlow's part as exact requirements for an installer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tfcompat.errors import RequestError
from tfcompat.installers import Target
from tfcompat.platforms import environment
from tfcompat.resolver import PackageLine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tfcompat.requirements_file import Line
    from tfcompat.resolver import Plan, Request

__all__ = ["TENSORFLOW", "holds", "name_of", "names_of", "own_lines", "request_lines", "target_of", "tensorflow_part", "with_lines"]

TENSORFLOW = ("tensorflow", "tensorflow-cpu", "tensorflow-gpu")


def with_lines(request: Request, lines: Iterable[Line]) -> Request:
    """The request with the requirements of *lines* as wishes; a person who writes ``tensorflow`` gets it by this name."""
    found = [PackageLine(line.text, line.where) for line in lines if line.kind == "requirement"]
    ours = [line for line in found if name_of(line.text) in TENSORFLOW]
    if not ours and request.tensorflow is None:  # a file that was made before stays with the TensorFlow and the Keras 2 it has
        before = [PackageLine(line.text, line.where) for line in lines if line.kind == "pinned"]
        ours = [line for line in before if name_of(line.text) in TENSORFLOW]
        found += [line for line in before if name_of(line.text) in (*TENSORFLOW, "tf-keras")]
    for line in ours:
        request = _with_name(request, line)
    return request._replace(packages=(*request.packages, *found))


def _with_name(request: Request, line: PackageLine) -> Request:
    """The request with what the name of TensorFlow and its extra say: ``tensorflow[and-cuda]`` and ``tensorflow-gpu`` want a GPU."""
    name, wants_gpu = name_of(line.text), "and-cuda" in Requirement(line.text).extras or name_of(line.text) == "tensorflow-gpu"
    asked = bool(request.gpu) or any((request.cuda, request.cudnn, request.driver))
    if wants_gpu and request.cpu:
        raise RequestError(f"{line.where}: {line.text} is for a GPU, and --cpu asks for a plan without one", "leave one of them out")
    if name == "tensorflow-cpu" and asked:
        raise RequestError(f"{line.where}: {line.text} has no GPU code, and a GPU was asked for", "write tensorflow, or leave the GPU out")
    return request._replace(gpu=request.gpu or wants_gpu, by_name=request.by_name or name == "tensorflow")


def target_of(plan: Plan) -> Target:
    return Target(".".join((plan.python or "").split(".")[:2]), plan.platform)


def tensorflow_part(plan: Plan) -> list[str]:
    """TensorFlow's part: the lines of the plan that are exact. The others are a person's, and come as they were written."""
    return [line for line in plan.requirements if line not in plan.unchecked and "==" in line]


def own_lines(request: Request, plan: Plan, universal: bool) -> list[PackageLine]:
    """The person's lines that hold on the target, without those that name TensorFlow: the plan speaks for it."""
    found = [line for line in request_lines(request) if name_of(line.text) not in TENSORFLOW and (universal or holds(line.text, plan))]
    return [*found, PackageLine("jupyterlab", "--jupyter")] if "jupyterlab" in plan.unchecked else found


def request_lines(request: Request) -> list[PackageLine]:
    return [item if isinstance(item, PackageLine) else PackageLine(item) for item in request.packages]


def holds(text: str, plan: Plan) -> bool:
    marker = Requirement(text).marker
    return marker is None or marker.evaluate(environment(plan.platform, target_of(plan).python))


def name_of(text: str) -> str:
    return canonicalize_name(Requirement(text).name)


def names_of(texts: Iterable[str]) -> set[str]:
    return {name_of(text) for text in texts}
