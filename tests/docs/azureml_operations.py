"""The table of Azure Machine Learning's operations in the documentation, from the emulator's routes.

python -m tests.docs.azureml_operations          # writes it into docs/azureml-emulator.md
"""

import re
from collections.abc import Iterator
from pathlib import Path

from harness.emulator.providers.azureml.data_plane.not_served import REFUSED_PARTS_OF_MLFLOW, REFUSED_SERVICES
from harness.emulator.providers.azureml.not_served import REFUSALS
from tests.emulator.azureml.operations import HOSTS, served_routes

PAGE = Path(__file__).parents[2] / "docs" / "azureml-emulator.md"
BEGIN, END = "<!-- operations, from the routes -->\n", "<!-- end of operations -->\n"
_SCOPES = (
    (r"/subscriptions/{subscription}/resourceGroups/{group}/providers/[\w.]+/workspaces/{workspace}", "~"),
    (r"/subscriptions/{subscription}/resourceGroups/{group}/providers/[\w.]+", "group"),
    (r"/subscriptions/{subscription}/providers/[\w.]+", "subscription"),
)
_PARTS = {  # restrictions of operations that are served in part, by path and method
    "~/computes/{name} PUT": "AmlCompute and ComputeInstance",
    "~/computes/{name} PATCH": "the scale settings",
    "~/datastores/{name} PUT": "AzureBlob and AzureFile, with AccountKey, Sas or None",
    "~/environments/{name}/versions/{version} PUT": "kept and shown; nothing is built or pulled",
    "~/jobs/{name} PUT": "command jobs; Sweep, Pipeline, AutoML and Spark are refused by name",
    "/history/v1.0~/runs/{run}/children GET": "command jobs have none",
    "/history/v1.0~/experiments/{experiment}/runs:query POST": "without filter and pages",
    "/history/v1.0~/experiments:query POST": "without filter and pages",
    "/mlflow/v2.0~/api/2.0/mlflow/runs/log-inputs POST": "accepted and not kept",
    "/mlflow/v2.0~/api/2.0/mlflow/runs/log-model POST": "accepted and not kept",
    "/mlflow/v2.0~/api/2.0/mlflow/runs/outputs POST": "accepted and not kept",
}


def operations_table() -> str:
    """Return the table in Markdown."""
    lines = ["| operation | methods | in part |", "|---|---|---|"]
    for host, title in zip(HOSTS, ("Resource Manager", "data plane"), strict=True):
        lines.append(f"| **{title}** | | |")
        lines += _rows(host)
    lines += [
        "",
        "These are refused by name (400, `NotServed`; by MLflow's API 501, `NOT_IMPLEMENTED`). What to do instead:",
        "",
        "| operation | instead |",
    ]
    lines.append("|---|---|")
    lines += [
        f"| `{refusal.method or 'any'} ~/{refusal.path}`: {refusal.feature} | {refusal.alternative} |"
        for refusal in REFUSALS
    ]
    lines += [
        f"| data plane, `/{refusal.segment}`: {refusal.feature} | {refusal.alternative} |"
        for refusal in REFUSED_SERVICES
    ]
    lines += [
        f"| MLflow's `{refusal.segment}`: {refusal.feature} | {refusal.alternative} |"
        for refusal in REFUSED_PARTS_OF_MLFLOW
    ]
    return "\n".join(lines) + "\n"


def _rows(host: str) -> Iterator[str]:
    methods: dict[str, list[str]] = {}
    for route_host, route in served_routes():
        if route_host == host and "/mlflow/v1.0" not in route.template:  # the same as v2.0
            methods.setdefault(_short(route.template), []).append(route.method)
    for path, names in methods.items():
        notes = [f"{method}: {note}" for method in names if (note := _PARTS.get(f"{path} {method}"))]
        yield f"| `{path}` | {' '.join(names)} | {'; '.join(notes)} |"


def _short(template: str) -> str:
    for pattern, word in _SCOPES:
        template = re.sub(pattern, word, template)
    return template


def with_table(page: str) -> str:
    """Return a page with the current table between its markers."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + operations_table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
