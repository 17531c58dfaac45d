"""The HTML of a report: one file that needs no network.

The page draws its charts itself, on canvases: the script for 1,000 learning curves, linked with parallel coordinates,
slices and a table, has 30 kB. Plotly would add 4.6 MB to every report, and ECharts 1 MB; both need a content security
policy that allows inline styles.

Everything that jobs wrote is data: it is embedded as JSON in which ``<`` is escaped, the script writes it as text, and
the page's policy allows only the script and the style whose hashes it names.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

_PAGE = Path(__file__).with_name("page")
SCRIPTS = (
    "format",
    "colours",
    "scales",
    "trials",
    "plot",
    "curves",
    "scatter",
    "parallel",
    "timeline",
    "table",
    "running",
    "page",
)
"""The parts of the script; each part uses only parts before it."""


def render_page(document: Mapping[str, Any]) -> str:
    """The page that shows a document.

    Args:
        document: the result of ``document_of``.
    """
    style = (_PAGE / "report.css").read_text(encoding="utf-8")
    parts = [(_PAGE / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    script = '"use strict";\n(() => {\n' + "\n".join(parts) + "})();\n"
    connect_sources = "'self'" if document.get("live") else "'none'"
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_hash(script)}'",
            f"style-src '{_hash(style)}'",
            "img-src data:",
            f"connect-src {connect_sources}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    html = (_PAGE / "report.html").read_text(encoding="utf-8")
    title = ", ".join(dict.fromkeys(str(run["scenario"]) for run in document["runs"])) or "no trials"
    replacements = {"title": escape(title), "policy": escape(policy), "style": style, "data": data_text(document)}
    for name, text in replacements.items():
        html = html.replace(f"<!--{name}-->", text, 1)
    return html.replace("<!--script-->", script, 1)


def data_text(document: Mapping[str, Any]) -> str:
    """A document as JSON in which no HTML parser finds markup."""
    text = json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
