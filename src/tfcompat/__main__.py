"""``python -m tfcompat``. This file and the package's own are read by every Python 3, so that an old one is told what it needs."""

import sys

_TOO_OLD = """\
tfcompat: this is Python {version[0]}.{version[1]}, and tfcompat needs 3.10 or newer
  hint: install tfcompat for another Python; it checks this one from there: tfcompat probe --print | {executable} - | tfcompat check --facts -
"""

if __name__ == "__main__":
    if sys.version_info < (3, 10):  # noqa: UP036 - pip refuses, but a checkout on PYTHONPATH or a copied folder does not
        sys.stderr.write(_TOO_OLD.format(version=sys.version_info, executable=sys.executable))
        sys.exit(2)

    del sys.path[0]  # the working directory, where a json.py would take the place of Python's own

    from tfcompat.cli import main

    sys.exit(main())
