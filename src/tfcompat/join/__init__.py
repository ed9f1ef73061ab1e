"""A person's own requirements, pinned together with the verified set of TensorFlow.

What speaks of TensorFlow, Keras and the packages of the matrix is judged by the resolver of this package. The rest is left to
uv or pip, with TensorFlow's part held exactly where it is, and a contradiction is told by the two lines that make it.
"""

from __future__ import annotations

from tfcompat.join.contradiction import Contradiction, Misfit
from tfcompat.join.joined import Joined, join_requirements, pin

__all__ = ["Contradiction", "Joined", "Misfit", "join_requirements", "pin"]
