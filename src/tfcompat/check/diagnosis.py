"""What can be wrong with a running environment beyond the rules: each with its sentence and what to do about it."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DIAGNOSES", "GIVE_GPU", "Diagnosis", "diagnose"]

Severity = Literal["error", "warning", "note", "unknown"]


class Diagnosis(NamedTuple):
    """``rule`` is the id of a diagnosis below, of a rule, or of a failure signature (``rule`` in the JSON as well).

    ``unknown`` is what could not be established although the verdict needs it.
    """

    rule: str
    severity: Severity
    message: str
    fix: str = ""


GIVE_GPU = (
    "start it with --gpus all (docker), --device nvidia.com/gpu=all (podman) or a limit of nvidia.com/gpu: 1 (Kubernetes); "
    "the host needs the NVIDIA Container Toolkit"
)
_REINSTALL = "pip install --force-reinstall --no-deps {name}=={version}"

# id: severity, sentence, remedy. Names in braces are filled in where the diagnosis is made.
DIAGNOSES: Mapping[str, tuple[Severity, str, str]] = {
    # driver
    "gpu-not-passed": (
        "error",
        "the host has an NVIDIA driver ({version}), but {here} was given no GPU: there is no /dev/nvidia0",
        "{advice}",
    ),
    "gpu-withheld": (
        "error",
        "this container was started with NVIDIA_VISIBLE_DEVICES={value!r}, so that it was given no GPU",
        "start it with --gpus all, or with -e NVIDIA_VISIBLE_DEVICES=all where the runtime is nvidia",
    ),
    "no-driver-for-gpu": (
        "error",
        "the host has an NVIDIA {gpu}, and neither a driver for it nor a device node is seen",
        "{advice}",
    ),
    "no-driver": (
        "error",
        "nothing of an NVIDIA driver is visible: no device node, no kernel module, no libcuda.so.1",
        "{advice}",
    ),
    "driver-in-image": (
        "error",
        "libcuda.so.1 is here ({path}), and no driver for it is seen: no device node, no kernel module",
        "{advice}. Do not install libcuda in an image: the container toolkit brings that of the host",
    ),
    "driver-unknown": ("unknown", "the driver could not be asked: {why}", ""),
    "libcuda-missing": (
        "error",
        "the device nodes are here, but libcuda.so.1 cannot be opened: {why}",
        "start the container with the environment variable NVIDIA_DRIVER_CAPABILITIES=compute,utility, so that the toolkit mounts the driver's library; "
        "do not install it in the image",
    ),
    "wsl-libcuda-missing": (
        "error",
        "this is WSL 2, and the libcuda.so.1 that Windows lends it cannot be opened: {why}",
        "install the NVIDIA driver on Windows, not in the distribution, and let the loader see /usr/lib/wsl/lib; "
        "in a container: --gpus all, with Docker Desktop 4.31 or nvidia-container-toolkit 1.14.4, or newer",
    ),
    "nodes-forbidden": (
        "error",
        "user {user} may not use {nodes}",
        "run as a user of the group that owns the nodes (docker run --group-add), or let the NVIDIA Container Toolkit set the device rules",
    ),
    "uvm-node-missing": (
        "error",
        "{init}, and /dev/nvidia-uvm is not here",
        "on the host run nvidia-modprobe -u (or any CUDA program) once, then start the container again",
    ),
    "devices-hidden": (
        "error",
        "CUDA_VISIBLE_DEVICES={value!r} leaves this process no GPU",
        "unset CUDA_VISIBLE_DEVICES, or name a GPU that is here, as in CUDA_VISIBLE_DEVICES=0",
    ),
    "mig-without-instance": (
        "error",
        "MIG is on, and no instance of the GPU is given to this process",
        "make an instance on the host (nvidia-smi mig -cgi 19 -C), and give that: --gpus '\"device=0:0\"', or nvidia.com/mig-1g.5gb: 1 in Kubernetes",
    ),
    "no-device": (
        "error",
        "device nodes are here, and the driver finds no GPU: {init}",
        "see whether nvidia-smi -L lists it on the host and in the container; " + GIVE_GPU,
    ),
    "driver-mismatch": (
        "error",
        "libcuda and the kernel module are of different drivers: {init}",
        "reboot the host after a driver upgrade; remove driver packages (cuda, cuda-drivers, nvidia-driver-*, libnvidia-compute-*) from the image",
    ),
    "forward-compatibility-refused": (
        "error",
        "the cuda-compat library of the image is used ({path}), and this GPU does not allow that: {init}",
        "upgrade the host's driver, or take {folder} out of LD_LIBRARY_PATH and /etc/ld.so.conf.d; compat works on data-centre GPUs only",
    ),
    "fabric-not-ready": (
        "error",
        "the GPUs are there, and the NVLink fabric is not: {init}",
        "start nvidia-fabricmanager of the driver's own version on the host, and wait until nvidia-smi -q says that the fabric is completed",
    ),
    "gpu-lost": (
        "error",
        "the container had a GPU and lost it: {init}; NVML says {nvml}",
        "start the container again; systemd took its device rules away (use CDI, or nvidia-ctk system create-dev-char-symlinks)",
    ),
    "cuinit-failed": (
        "error",
        "the driver cannot be initialised: {init}",
        "see whether nvidia-smi works on the host and in the container, and look for Xid lines in the host's dmesg",
    ),
    "driver-died": (
        "error",
        "asking the driver ended badly: {why}",
        "see whether nvidia-smi works on the host; a driver that hangs or crashes needs a reboot",
    ),
    "forward-compatibility": (
        "note",
        "the cuda-compat library of the image serves ({path}), above the host's driver {driver}",
        "",
    ),
    "mig": ("note", "MIG is on: the program sees slices of the GPU, one at a time", ""),
    "different-gpus": ("note", "the GPUs differ: {gpus}", ""),
    "cpu-assumed": ("note", "no GPU is seen here, so the CPU is taken for what was promised", "demand a GPU with --expect gpu"),
    "gpu-image": (
        "warning",
        "this image is made for a GPU (NVIDIA_VISIBLE_DEVICES={value}), and none is seen here",
        "demand a GPU with --expect gpu; " + GIVE_GPU,
    ),
    "gpu-left-out": ("warning", "the host has an NVIDIA {what}, and this container was not given it", "demand a GPU with --expect gpu; " + GIVE_GPU),
    # runtime and libraries
    "library-missing": ("error", "TensorFlow drops every GPU, as it cannot open {sonames}", "{advice}"),
    "library-incomplete": ("error", "{soname} opens {part} when it is first used, and cannot: {why}", "{advice}"),
    "library-not-on-path": (
        "error",
        "{soname} is installed ({where}), but neither TensorFlow nor the loader looks there, so that every GPU is dropped",
        "{advice}",
    ),
    "library-other-version": (
        "error",
        "TensorFlow wants {soname}, and only {others} can be opened, so that every GPU is dropped without an error",
        "{advice}",
    ),
    "library-broken": ("error", "{soname} is found and cannot be opened: {why}", "{advice}"),
    "library-version-unknown": ("unknown", "{soname} is open, but does not say its version: {why}", ""),
    "libraries-unknown": ("unknown", "the CUDA libraries were not opened: {why}", "run the probe with --expect gpu"),
    # TensorFlow
    "tensorflow-missing": ("error", "TensorFlow is not installed for {python}", "run it with the interpreter that has TensorFlow, or pip install {advice}"),
    "no-site-packages": (
        "error",
        "{python} was started with -S, so that it does not look into site-packages, where TensorFlow would be",
        "start it without -S",
    ),
    "tensorflow-half-removed": (
        "error",
        "the tensorflow folder is there without its code: it was removed or overwritten half-way",
        "pip uninstall -y {names}; rm -r {folder}; pip install {names}=={version}",
    ),
    "two-tensorflows": (
        "warning",
        "{names} are installed over each other, in the same folder",
        "keep one of them: pip uninstall -y {names}, then install that again",
    ),
    "duplicate": ("warning", "{name} is installed twice: {versions}", "pip uninstall -y {name} && pip install {name}=={version}"),
    "metadata-broken": ("warning", "the metadata of {name} cannot be read: {why}", "pip install --force-reinstall --no-deps {name}"),
    "files-missing": ("warning", "{missing} of {count} files of {name} are gone, such as {first}", _REINSTALL),
    "file-truncated": ("warning", "{path} of {name} has {actual} bytes and should have {recorded}", _REINSTALL),
    "leftovers": ("note", "pip left {paths} behind, from an uninstall that failed", "rm -r {paths}"),
    "shadowed": (
        "warning",
        "{paths} in the working directory takes the place of a module of the same name",
        "rename it, or start Python from another folder",
    ),
    "version-differs": ("warning", "the metadata says tensorflow {installed}, and the code says {imported}", _REINSTALL),
    "import-failed": ("error", "importing TensorFlow fails: {error}", ""),
    "no-temporary-folder": (
        "error",
        "importing TensorFlow needs a folder for temporary files, and no writable one is here: {error}",
        "give the container a writable /tmp: docker run --tmpfs /tmp, or an emptyDir volume at /tmp (Kubernetes)",
    ),
    "devices-failed": ("error", "TensorFlow cannot list its devices: {error}", ""),
    "no-avx": (
        "error",
        "this CPU ({cpu}) has no AVX, which the TensorFlow wheels are compiled for",
        "use a machine with AVX, give the virtual machine the host's CPU model (-cpu host), or build TensorFlow for this CPU",
    ),
    "illegal-instruction": (
        "error",
        "TensorFlow was compiled for instructions that this CPU ({cpu}) lacks",
        "use a newer machine or an older TensorFlow, or expose the CPU's flags to the virtual machine",
    ),
    "out-of-memory": (
        "error",
        "the kernel ended TensorFlow {stage} for using more memory than this container may ({limit})",
        "give the container more memory (docker run --memory, resources.limits.memory)",
    ),
    "memory-refused": (
        "error",
        "importing TensorFlow fails, because the system gives this process no more memory: {error}",
        "raise the limit on memory (docker run --memory, resources.limits.memory, ulimit -v); code on a file system that is mounted noexec fails like this as well",
    ),
    "died": ("error", "TensorFlow {why} {stage}", "{advice}"),
    "hung": (
        "error",
        "TensorFlow was still busy {stage} after {limit} seconds",
        "when it is known to be slow (a first start that compiles PTX), allow more with --timeout; else look at the last log lines",
    ),
    "fewer-gpus-listed": (
        "warning",
        "the driver lists {count} GPUs, and TensorFlow {listed}",
        "look for 'Ignoring visible gpu device' in TensorFlow's output, which says why",
    ),
    "no-gpu-listed": (
        "error",
        "the driver and every library can be opened, and TensorFlow lists no GPU all the same",
        "",
    ),
    "build-unknown": ("unknown", "what this TensorFlow was built for is not established: {why}", ""),
    "not-probed": ("unknown", "TensorFlow was not tried: {why}", "run the probe without --no-tensorflow"),
    "not-started": (
        "unknown",
        "TensorFlow could not be tried: {why}",
        "allow more processes (docker run --pids-limit, podPidsLimit of the kubelet, ulimit -u)",
    ),
    # Keras
    "keras-missing": ("error", "tf.keras cannot be imported: {why}", "pip install {requirement}"),
    "keras-backend-missing": (
        "error",
        "Keras is told to compute with {backend} (KERAS_BACKEND), and that cannot be imported: {why}",
        "unset KERAS_BACKEND, or set KERAS_BACKEND=tensorflow",
    ),
    "keras-backend": ("warning", "Keras computes with {backend}, not with TensorFlow", "unset KERAS_BACKEND, or set KERAS_BACKEND=tensorflow"),
    # smoke test
    "smoke-failed": ("error", "{steps} on {device} {fail}: {why}", ""),
    "smoke-not-run": ("unknown", "the smoke test was not run: {why}", "{advice}"),
    "smoke-elsewhere": (
        "unknown",
        "the smoke test ran on the {ran}, and the {promised} is what is promised",
        "run the probe with --expect {option}",
    ),
    "smoke-incomplete": ("unknown", "the smoke test has no result for {steps}", "run the probe of this very tfcompat: tfcompat probe --print"),
    "slow-start": (
        "warning",
        "the first run of {step} took {first}, the second {again}: the driver compiled PTX",
        "take a TensorFlow with code for this GPU, or keep the cache on a volume: CUDA_CACHE_PATH=/cache CUDA_CACHE_MAXSIZE=4294967296",
    ),
    "soft-placement": ("note", "the training step needed soft placement: an operation of Keras has no GPU kernel", ""),
    # wishes
    "not-as-expected": ("error", "{name} {wanted} is expected, and {found} is here", ""),
    "expectation-unknown": ("unknown", "{name} {wanted} is expected, and which is here is not established", ""),
}  # fmt: skip


def diagnose(rule: str, **values: object) -> Diagnosis:
    """The diagnosis *rule* with its sentences filled in; a tuple stands for several values.

    What goes into a remedy is quoted for a shell: it comes out of the container, and people paste it.
    """
    severity, message, fix = DIAGNOSES[rule]
    said = {name: ", ".join(map(str, value)) if type(value) is tuple else value for name, value in values.items()}
    quoted = {name: value if name == "advice" else _quoted(value) for name, value in values.items()}
    return Diagnosis(rule, severity, message.format(**said), fix.format(**quoted))


def _quoted(value: object) -> str:
    return " ".join(quote(str(one)) for one in (value if type(value) is tuple else (value,)))
