"""What is given away: no secret, no path of the builder's machine, and every licence by name.

`DEDUP_ARTEFACTS` is a folder of built packages; without it the files that go into them are looked at.
"""

import io
import itertools
import os
import re
import tarfile
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SECRETS = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY|AKIA[0-9A-Z]{16}|gh[pousr]_\w{36}|glpat-[\w-]{20}|xox[abp]-\w{10}"
    rb"|pypi-Ag\w{30}|eyJ[\w-]{20,}\.eyJ[\w-]{20,}\.|https?://[^\s/@:\"'{]+:[^\s/@\"'{]+@"
)
# Homes and scratch folders; examples in documentation name none of these.
PATHS = re.compile(rb"/(?:home|Users)/\w+/|/root/|/tmp/\w|[A-Z]:\\Users\\")


def packed(path):
    """Names and bytes in a wheel or an sdist; those in zipped tables unpacked."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            found = [(name, wheel.read(name)) for name in wheel.namelist()]
    else:
        with tarfile.open(path) as sdist:
            found = [(m.name, sdist.extractfile(m).read()) for m in sdist.getmembers() if m.isfile()]
    for name, content in found:
        yield name, content
        if name.endswith(".npz"):
            with zipfile.ZipFile(io.BytesIO(content)) as table:
                yield from ((f"{name}/{one}", table.read(one)) for one in table.namelist())


def artefacts():
    built = os.environ.get("DEDUP_ARTEFACTS")
    if built:
        return [one for path in sorted(Path(built).iterdir()) for one in packed(path)]
    folders = ("dedup", "cli", "samples", "docs")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    paths = [path for path in paths if "__pycache__" not in path.parts]
    paths += [ROOT / name for name in ("README.md", "pyproject.toml", "CHANGELOG.md", "requirements.lock")]
    return [(str(path), path.read_bytes()) for path in paths]


def test_no_secret_and_no_path_of_the_builder_is_given_away():
    found = artefacts()
    assert len(found) > 80
    own = {str(ROOT), str(Path.home())} - {"/"}
    for name, content in found:
        if "/tests/" in name:  # an sdist may hold tests, which name such things
            continue
        for pattern in (SECRETS, PATHS):
            match = pattern.search(content)
            assert match is None, (name, match)
        for path in own:
            assert path.encode() not in content, (name, path)


def listed():
    rows = re.findall(
        r"^\| ([\w-]+) \| (.+) \| (.+) \|$", (ROOT / "docs/licences.md").read_text("utf-8"), re.M
    )
    return {name: licence for name, licence, _ in rows if name != "package"}


def required():
    """What `pyproject.toml` asks for, with all extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = itertools.chain(project["dependencies"], *project["optional-dependencies"].values())
    return [one for one in asked if not one.startswith("news-dedup")]


def test_every_dependency_has_its_licence_listed():
    assert set(listed()) == {re.match(r"[\w-]+", one)[0] for one in required()}


@pytest.mark.parametrize("name", sorted(listed()))
def test_a_listed_licence_is_that_of_the_package(name):
    try:
        told = metadata(name)
    except PackageNotFoundError:
        pytest.skip(f"{name} is not installed")
    classifiers = [one for one in told.get_all("Classifier") or () if one.startswith("License")]
    says = " ".join([told.get("License-Expression") or "", *classifiers, (told.get("License") or "")[:60]])
    if not says.strip():
        pytest.skip(f"{name} does not say")
    known = {"MIT": "MIT", "BSD": "BSD", "Apache": "Apache", "MPL": "MPL|Mozilla"}
    for family, pattern in known.items():
        if listed()[name].startswith(family):
            assert re.search(pattern, says), says
            return
    pytest.fail(f"{name}: {listed()[name]} is none that is accepted")


def test_every_range_has_a_lower_bound():
    assert [one for one in required() if ">=" not in one] == []
