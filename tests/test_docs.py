"""The pages: every path and link in them leads somewhere, and the README stays short."""

import re
from pathlib import Path

import pytest

from textlstm.places import PACKAGE, REPOSITORY

PAGES = sorted(
    [
        *REPOSITORY.glob("*.md"),
        *REPOSITORY.glob("docs/*.md"),
        REPOSITORY / "src/benchmarks/notes.md",
    ]
)
PATH = re.compile(r"(?<![\w/.])(?:src|conf|tests|docs)/[\w./-]*[\w/]")
LINK = re.compile(r"\]\(([^)\s]+)\)")
PLACEHOLDERS = ("NAME", "GROUP")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_all_pages_are_looked_at():
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "speed.md", "notes.md"} <= {
        page.name for page in PAGES
    }
    assert sum(len(PATH.findall(page.read_text(encoding="utf-8"))) for page in PAGES) > 60


@every_page
def test_every_path_of_the_repository_that_a_page_names_exists(page):
    named = set(PATH.findall(page.read_text(encoding="utf-8")))
    real = [path for path in named if not any(word in path for word in PLACEHOLDERS)]
    assert [path for path in real if not (REPOSITORY / path).exists()] == []


@every_page
def test_every_link_inside_the_repository_leads_somewhere(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        if path.startswith("http"):
            continue
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/wings.svg"])
def test_every_wing_stands_in_the_import_rule_and_in_its_picture(page):
    wings = {file.parent.name for file in PACKAGE.glob("*/__init__.py")}
    words = set(re.findall(r"\w+", (REPOSITORY / page).read_text(encoding="utf-8")))
    assert len(wings) > 8
    assert {*wings, "ground"} - words == set()


def test_the_readme_stays_short():
    assert len((REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()) <= 250
