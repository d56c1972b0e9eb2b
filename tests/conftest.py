"""For all tests: how long an example takes says something of the machine and nothing of the code."""

import os

from hypothesis import settings

# Training in two processes at once: threads that wait for each other spin, 88 s for 5 s.
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


def pytest_collection_modifyitems(items):
    """Slow tests first: one that began last would be waited for alone."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
