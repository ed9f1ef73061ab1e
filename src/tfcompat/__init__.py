"""tfcompat: TensorFlow containers that really use the GPU, with evidence.

The names below are the public interface. They are imported when first used, so that
``import tfcompat`` costs next to nothing.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "Contradiction",
    "Matrix",
    "MatrixError",
    "Model",
    "Plan",
    "Request",
    "RequestError",
    "Resolution",
    "ResolutionImpossible",
    "TfcompatError",
    "__version__",
    "inspect_model",
    "inspect_reference",
    "load_bundled",
    "load_matrix",
    "open_registries",
    "pin",
    "resolve",
    "resolve_online",
]

if TYPE_CHECKING:
    from tfcompat.errors import MatrixError, RequestError, TfcompatError
    from tfcompat.join import Contradiction, pin
    from tfcompat.matrix import Matrix, load_bundled, load_matrix
    from tfcompat.model_files import inspect_model
    from tfcompat.models.model import Model
    from tfcompat.online import inspect_reference, resolve_online
    from tfcompat.registry.registries import open_registries
    from tfcompat.resolver import Plan, Request, Resolution, ResolutionImpossible, resolve

_HOMES = {
    "MatrixError": "errors", "RequestError": "errors", "TfcompatError": "errors",
    "Matrix": "matrix", "load_bundled": "matrix", "load_matrix": "matrix",
    "Plan": "resolver", "Request": "resolver", "Resolution": "resolver", "ResolutionImpossible": "resolver",
    "resolve": "resolver", "Contradiction": "join", "pin": "join",
    "inspect_model": "model_files", "Model": "models.model",
    "inspect_reference": "online", "resolve_online": "online", "open_registries": "registry.registries",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"tfcompat.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
