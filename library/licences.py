"""The licences that clips may have, by SPDX identifier (https://spdx.org/licenses)."""

import re
from dataclasses import dataclass

CREATIVE_COMMONS = "creativecommons.org"
ALLOWED = (
    "CC0-1.0, CC-PDM-1.0, MIT, or one of CC-BY, CC-BY-SA, CC-BY-ND, CC-BY-NC, CC-BY-NC-SA and "
    "CC-BY-NC-ND with its version, such as CC-BY-4.0; or such a licence's creativecommons.org URL"
)


@dataclass(frozen=True)
class Licence:
    """A licence.

    `family` is the same for all of its versions. The last two say what it permits without asking:
    uses for commercial advantage, and to share changed versions.
    """

    id: str  # the SPDX identifier
    name: str  # for people
    url: str  # of its text or deed
    family: str
    commercial_use: bool = True
    derivatives: bool = True


class UnknownLicenceError(ValueError):
    """The text does not identify a known licence."""


def _creative_commons(terms: str, version: str) -> Licence:
    # Version 1.0 has another order.
    path = "by-nd-nc" if (terms, version) == ("by-nc-nd", "1.0") else terms
    return Licence(
        f"CC-{terms.upper()}-{version}",
        f"CC {terms.upper()} {version}",
        f"https://{CREATIVE_COMMONS}/licenses/{path}/{version}/",
        family=f"CC-{terms.upper()}",
        commercial_use="nc" not in terms.split("-"),
        derivatives="nd" not in terms.split("-"),
    )


LICENCES = {
    licence.id: licence
    for licence in (
        Licence("CC0-1.0", "CC0 1.0", f"https://{CREATIVE_COMMONS}/publicdomain/zero/1.0/", "CC0"),
        Licence(
            "CC-PDM-1.0",
            "Public Domain Mark 1.0",
            f"https://{CREATIVE_COMMONS}/publicdomain/mark/1.0/",
            "CC-PDM",
        ),
        *(
            _creative_commons(terms, version)
            for version in ("4.0", "3.0", "2.5", "2.0", "1.0")
            for terms in ("by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd")
        ),
        Licence("MIT", "MIT License", "https://spdx.org/licenses/MIT.html", "MIT"),
    )
}
# The identifiers of each family's versions, the latest first.
FAMILIES: dict[str, list[str]] = {}
for _licence in LICENCES.values():
    FAMILIES.setdefault(_licence.family, []).append(_licence.id)
_KNOWN = {"cc0": LICENCES["CC0-1.0"]}  # by name and by URL, in lower case
for _licence in LICENCES.values():
    _KNOWN[_licence.id.lower()] = _licence
    _KNOWN[_licence.url.lower().removeprefix("https://").strip("/")] = _licence


def find_licence(text: str) -> Licence:
    """Return the licence for an SPDX identifier, a name such as `CC BY 4.0`, or a CC URL.

    The case does not matter, and a URL may be that of the deed or of the legal code.
    Raises UnknownLicenceError.
    """
    text = text.strip().lower()
    address = re.sub(r"^https?://(www\.)?", "", text)
    address = re.sub(r"/(deed|legalcode)(\.[a-z_-]+)*$", "", address.rstrip("/")).rstrip("/")
    found = _KNOWN.get(address) or _KNOWN.get(re.sub(r"\s+", "-", text))
    if found is None:
        raise UnknownLicenceError(f"Enter one of: {ALLOWED}.")
    return found


def find_licences(text: str) -> list[str]:
    """Return the identifiers of a family's versions, or of the licence that `find_licence` finds.

    `CC-BY` and `cc by` are a family; CC-BY-NC is another one. Raises UnknownLicenceError.
    """
    family = FAMILIES.get(re.sub(r"\s+", "-", text.strip().upper()))
    if family is not None:
        return list(family)
    try:
        return [find_licence(text).id]
    except UnknownLicenceError:
        raise UnknownLicenceError(
            f"Use one of {', '.join(FAMILIES)} for any version, or one "
            "version, such as CC0-1.0 or CC-BY-4.0, or its URL."
        ) from None


def licences_that_allow(
    *, commercial_use: bool | None = None, derivatives: bool | None = None
) -> list[str]:
    """Return the identifiers of the licences with these facts; None allows both values."""
    return [
        licence.id
        for licence in LICENCES.values()
        if commercial_use in (None, licence.commercial_use)
        and derivatives in (None, licence.derivatives)
    ]


def licence_choices() -> list[tuple[str, str]]:
    """Return all licences as choices for a model field."""
    return [(licence.id, licence.name) for licence in LICENCES.values()]


def attribution(title: str, creator: str | None, licence: Licence | None) -> str | None:
    """Return the credit line of a clip: title, author, licence and its URL.

    Returns None without creator and licence. Source: Creative Commons, recommended practices for
    attribution (title, author, source, licence).
    """
    if creator is None and licence is None:
        return None
    line = f"“{title}”" + (f" by {creator}" if creator else "")
    return line + (f", {licence.name} ({licence.url})" if licence else "")
