"""For all tests: how long an example takes says something of the machine and nothing of the code."""

from hypothesis import settings

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


def pytest_collection_modifyitems(items):
    """Slow tests first: one that began last would be waited for alone."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
