"""The third door: does this running environment work, and if not, which link is broken?"""

from __future__ import annotations

from tfcompat.check.expectations import Expectation, parse_expectations
from tfcompat.check.link import Link
from tfcompat.check.report import Report, check_facts

__all__ = ["Expectation", "Link", "Report", "check_facts", "parse_expectations"]
