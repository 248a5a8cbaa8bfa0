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
    """A licence."""

    id: str  # the SPDX identifier
    name: str  # for people
    url: str  # of its text or deed


class UnknownLicenceError(ValueError):
    """The text does not identify a known licence."""


def _creative_commons(terms: str, version: str) -> Licence:
    # Version 1.0 has another order.
    path = "by-nd-nc" if (terms, version) == ("by-nc-nd", "1.0") else terms
    return Licence(
        f"CC-{terms.upper()}-{version}",
        f"CC {terms.upper()} {version}",
        f"https://{CREATIVE_COMMONS}/licenses/{path}/{version}/",
    )


LICENCES = {
    licence.id: licence
    for licence in (
        Licence("CC0-1.0", "CC0 1.0", f"https://{CREATIVE_COMMONS}/publicdomain/zero/1.0/"),
        Licence(
            "CC-PDM-1.0",
            "Public Domain Mark 1.0",
            f"https://{CREATIVE_COMMONS}/publicdomain/mark/1.0/",
        ),
        *(
            _creative_commons(terms, version)
            for version in ("4.0", "3.0", "2.5", "2.0", "1.0")
            for terms in ("by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd")
        ),
        Licence("MIT", "MIT License", "https://spdx.org/licenses/MIT.html"),
    )
}
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
