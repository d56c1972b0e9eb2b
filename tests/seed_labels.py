"""What every line of the five seed documents is, by line number; the texts themselves are not ours to keep.

Lines that no range names are blank.
"""

# label: lines, as in "3, 5-9"
SEED_LINES = {
    "000_6490a4a6598f00d0": {
        "title": "4",
        "dateline": "6",
        "body": "11-36",
        "caption": "7, 9",
        "byline": "40, 43",
        "copyright": "45",
        "nav": "1-2",
        "ad": "47-57, 77-84, 146-154",
        "related": "58-76",
        "ranking": "85-145",
    },
    "001_e288b1c575e8c98b": {
        "title": "1, 24, 39",
        "byline": "25, 40",
        "summary": "2-3, 26-27, 41-42",
        "heading": "17, 64",
        "body": "4-16, 18-22, 28-36, 43-46, 48-50, 52-63, 65-66, 68-69, 71",
        "related": "37, 47, 51, 67, 70",
        "original_title": "23, 38, 72",
    },
    "002_30575fe05ac8c6d2": {
        "title": "1",
        "body": "3-13",
        "related": "15-42",
        "cookie": "50-53",
    },
    "003_4e3297940d2b71dd": {
        "heading": "7, 27, 43",
        "body": "1-5, 9-25, 29-41, 45-55",
        "source": "57-59",
    },
    "004_88d3c4ae07b40c53": {
        "nav": "1, 91",
        "title": "3",
        "summary": "11-15",
        "heading": "9, 19, 21, 43, 57, 59",
        "body": "5, 17, 23-25, 41, 45-55, 61-65, 81-89",
        "duplicate": "7",
        "card": "27-39, 67-79",
        "related": "93",
    },
}
KEPT = frozenset({"body", "heading", "summary"})
NEITHER = frozenset({"title", "dateline"})


def labels(name: str) -> dict[int, str]:
    """Label of every line of a seed document that is not blank, by line number from 1."""
    found: dict[int, str] = {}
    for label, ranges in SEED_LINES[name].items():
        for part in ranges.split(","):
            first, _, last = part.strip().partition("-")
            for line in range(int(first), int(last or first) + 1):
                assert line not in found, (name, line)
                found[line] = label
    return found
