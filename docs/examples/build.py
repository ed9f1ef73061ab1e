"""Builds a training image for an A100 on what tfcompat finds: ``python build.py FOLDER TAG``."""

import shutil
import subprocess
import sys
from pathlib import Path

import tfcompat

folder, tag = Path(sys.argv[1]), sys.argv[2]

try:
    plan = tfcompat.resolve(tfcompat.Request(tensorflow=">=2.16", gpu=["A100"], base="official")).plan
except tfcompat.ResolutionImpossible as impossible:
    sys.exit(str(impossible))  # why there is none, and the nearest wishes that lead to one

own = (folder / "requirements.txt").read_text(encoding="utf-8").splitlines()
lines = dict.fromkeys([*plan.requirements, *own])  # in one file, so that pip chooses for both
(folder / "requirements.built.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
(folder / "Dockerfile.built").write_text(
    f"""\
FROM {plan.image.reference}
WORKDIR /app
COPY requirements.built.txt .
RUN pip install --no-cache-dir -r requirements.built.txt
COPY train_model.py .
CMD ["python", "train_model.py"]
""",
    encoding="utf-8",
)
engine = shutil.which("podman") or shutil.which("docker") or sys.exit("neither podman nor docker is on the PATH")
subprocess.run([engine, "build", "--tag", tag, "--file", folder / "Dockerfile.built", folder], check=True)
