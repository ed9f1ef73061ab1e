"""What holds for every test."""

from __future__ import annotations

import os

# The age of the bundled matrix is a matter of the day on which tests run: those of the warning bring a day of their own. In the
# environment, for the commands that tests start.
os.environ["TFCOMPAT_NO_STALE_WARNING"] = "1"
