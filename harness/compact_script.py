"""Makes `listens.js` from its source: `python -m harness.compact_script`.

It removes comments and spaces, joins declarations, and shortens the names of variables. It knows
only as much JavaScript as the source has.
"""

import re
from pathlib import Path
from string import ascii_letters

FOLDER = Path(__file__).parent.parent / "library" / "static" / "library"
SOURCE, SERVED = FOLDER / "listens.source.js", FOLDER / "listens.js"
MOST = 1024  # bytes

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)"""
    r"""|(?P<text>"[^"\n]*"|(?<=[=|]\ )/(?:\\.|[^/\n\\])+/)"""
    r"""|(?P<name>[A-Za-z_]\w*)|(?P<other>[\d.]+(?:e\d+)?|[^\s\w])"""
)
# Variables. None of these names has another meaning in the source, such as that of a property.
NAMES = (  # noqa: SIM905
    "playing queue born jumped calm report send leave listen clip audio target hear event now at"
    " before from seen sent jumps reached kind name source"
).split()
SHORT = dict(zip(NAMES, ascii_letters, strict=False)) | {"true": "!0", "const": "let"}


def compact(source: str) -> str:
    """Return the script in fewer bytes."""
    found, before = "", ""
    statements = [""]  # the first words of the blocks' current statements
    for token in _TOKEN.finditer(source):
        text = token[0]
        if token.lastgroup == "space":
            continue
        if token.lastgroup == "name" and before != ".":
            text = SHORT.get(text, text)
        if text in "([{":
            statements.append("")
        elif text in ")]}":
            statements.pop()
            found = found.removesuffix(";" if text == "}" else "").removesuffix(",")
        if before == ";" and text == "let" and statements[-1] == text:
            found, text = found[:-1], ","
        elif before in ("", ";", "{", "}") and text not in ("}", ";"):
            statements[-1] = text
        if re.match(r"\w", text) and re.search(r"\w$", before):
            found += " "
        found += text
        before = text
    found = re.sub(r"\b0(\.\d)", r"\1", found)
    return re.sub(r"(new \w+)\(\)|\((\w)\)(?==>)", r"\1\2", found)


if __name__ == "__main__":
    SERVED.write_text(compact(SOURCE.read_text()))
