"""The HTML of a report: one file without a request to anybody.

The page draws its charts itself, on canvases: 1,000 learning curves that are linked with parallel coordinates, slices
and a table are 30 kB of script. Plotly would be 4.6 MB in every report, and ECharts 1 MB; both want a policy that lets
styles be set from anywhere.

Whatever jobs wrote is data: it is embedded as JSON in which ``<`` is escaped, the script writes it as text, and the
page's own policy allows no other script or style than the two whose hashes it names.
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
"""The parts of the script, each of which uses those before it only."""


def render_page(document: Mapping[str, Any]) -> str:
    """The page that shows a document.

    Args:
        document: as ``document_of`` makes it.
    """
    style = (_PAGE / "report.css").read_text(encoding="utf-8")
    parts = [(_PAGE / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    script = '"use strict";\n(() => {\n' + "\n".join(parts) + "})();\n"
    asks = "'self'" if document.get("live") else "'none'"
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_hash(script)}'",
            f"style-src '{_hash(style)}'",
            "img-src data:",
            f"connect-src {asks}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    html = (_PAGE / "report.html").read_text(encoding="utf-8")
    title = ", ".join(dict.fromkeys(str(run["scenario"]) for run in document["runs"])) or "no trials"
    filled = {"title": escape(title), "policy": escape(policy), "style": style, "data": data_text(document)}
    for name, text in filled.items():
        html = html.replace(f"<!--{name}-->", text, 1)
    return html.replace("<!--script-->", script, 1)


def data_text(document: Mapping[str, Any]) -> str:
    """A document as JSON that no HTML parser ends or reads as markup."""
    text = json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
