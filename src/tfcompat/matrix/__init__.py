"""The matrix: what is known of TensorFlow, Keras, CUDA, GPUs and images, each fact with its evidence."""

from __future__ import annotations

from tfcompat.matrix.gpus import GpuTarget, find_gpu
from tfcompat.matrix.load import load_bundled, load_matrix
from tfcompat.matrix.matrix import Matrix

__all__ = ["GpuTarget", "Matrix", "find_gpu", "load_bundled", "load_matrix"]
