"""Index pages, and which wheel of a page is to be installed."""

from __future__ import annotations

import html.parser
import posixpath
import sys
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass

# pip has these in itself: a flow inside pip uses the same.
from pip._vendor.packaging import tags
from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.specifiers import InvalidSpecifier, SpecifierSet
from pip._vendor.packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from pip._vendor.packaging.version import Version


@dataclass(frozen=True)
class Wheel:
    """A wheel that a page lists, with its target path."""

    path: str
    name: str
    version: Version
    yanked: bool
    rank: int  # of its tags: lower is better

    @property
    def file(self) -> str:
        return posixpath.basename(self.path)


def page_path(name: str) -> str:
    """Returns the target path of a project's page."""
    return f"simple/{canonicalize_name(name)}/index.html"


class _Links(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[dict[str, str]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        if tag == "a" and "href" in found:
            self.links.append(found)


def wheels(name: str, page: bytes) -> list[Wheel]:
    """Returns the wheels of a verified page that can run here."""
    ranks = {tag: i for i, tag in enumerate(tags.sys_tags())}
    here = ".".join(map(str, sys.version_info[:3]))
    links = _Links()
    links.feed(page.decode("utf-8", "replace"))
    found = []
    for link in links.links:
        url = urllib.parse.urlsplit(urllib.parse.urljoin(page_path(name), link["href"]))
        path = urllib.parse.unquote(url.path)
        try:
            project, version, _, wheel_tags = parse_wheel_filename(posixpath.basename(path))
            runs = SpecifierSet(link.get("data-requires-python", "")).contains(here)
        except (InvalidWheelFilename, InvalidSpecifier):
            continue
        rank = min((ranks[tag] for tag in wheel_tags if tag in ranks), default=None)
        # Another host is not verified, and the name must be the project's.
        if url.netloc or not runs or rank is None or project != canonicalize_name(name):
            continue
        found.append(Wheel(path, project, version, "data-yanked" in link, rank))
    return found


def best(name: str, of: Iterable[Wheel], requirements: Iterable[Requirement]) -> Wheel | None:
    """Returns the newest wheel that meets all requirements; None if there is none."""
    specifiers = SpecifierSet()
    for r in requirements:
        specifiers &= r.specifier
    fits = [w for w in of if specifiers.contains(w.version, prereleases=bool(specifiers.prereleases))]
    kept = [w for w in fits if not w.yanked] or fits
    return max(kept, key=lambda w: (w.version, -w.rank), default=None)
