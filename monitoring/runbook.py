"""The runbook as a console template of Prometheus, so that alerts can link to it.

Everyone who sees an alert can reach Prometheus, even if everything else is down, and a rule has
Prometheus' address as `$externalURL`.
"""

from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

PROMETHEUS = "http://localhost:9090/"
HEAD = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Runbook of Clips</title>
<style>
  :root { color-scheme: light dark; }
  body { max-width: 46rem; margin: auto; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; }
  h2 { margin-top: 2.5rem; }
  h2:target { background: light-dark(#ffe9b0, #5c4400); }
  li { margin: .4rem 0; }
  code { background: light-dark(#eee, #333); padding: 0 .2rem; overflow-wrap: anywhere; }
  nav { border-left: .3rem solid light-dark(#c4162a, #f2495c); padding-left: .7rem; }
</style>
"""
# Prometheus renders this template for each request.
FIRING = """\
<nav>
{{ range query "ALERTS{alertstate='firing', severity!='none'}" }}
<div><a href="#{{ .Labels.alertname | toLower }}">{{ .Labels.alertname }}</a> fires:
{{ .Labels.severity }} {{ .Labels.window }} {{ .Labels.instance }}</div>
{{ else }}No alert fires.{{ end }}
</nav>
"""


def page(markdown: str) -> str:
    """Render the page. The anchor of each section is its title in lower case."""
    parser = MarkdownIt("commonmark")
    tokens = parser.parse(markdown)
    for opening, title in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", title.content.lower())
        _make_links_relative(opening)
    body: str = parser.renderer.render(tokens, parser.options, {})
    return HEAD + FIRING + body


def _make_links_relative(block: Token) -> None:
    """Make links to Prometheus refer to the server that serves the page."""
    for token in block.children or []:
        address = str(token.attrGet("href") or "")
        if address.startswith(PROMETHEUS):
            token.attrSet("href", "../" + address.removeprefix(PROMETHEUS))
