"""``python -m tfcompat``."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    del sys.path[0]  # the working directory, where a json.py would take the place of Python's own

    from tfcompat.cli import main

    sys.exit(main())
