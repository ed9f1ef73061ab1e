"""``python -m tfcompat``."""

from __future__ import annotations

import sys

from tfcompat.cli import main

sys.exit(main())
