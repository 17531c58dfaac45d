"""Expressions in a command: ``${{inputs.x}}`` and ``${{outputs.x}}``; pure."""

import re
from collections.abc import Mapping

from harness.emulator.providers.azureml.errors import AzureMLError, invalid

_EXPRESSION = re.compile(r"\$\{\{([^{}]*)\}\}")
_NAME = re.compile(r"(inputs|outputs)\.([a-zA-Z_]\w*)")
_URI_NAMES = ("name", "output_name", "default_datastore")


def check_command(command: str, inputs: Mapping[str, object], outputs: Mapping[str, object]) -> None:
    """Check that a command refers only to what the job declares.

    Raises:
        AzureMLError: an expression names nothing that the job declares.
    """
    for expression in map(str.strip, _EXPRESSION.findall(command)):
        found = _NAME.fullmatch(expression)
        if found is None:
            raise _wrong(expression, "Only inputs and outputs can be referred to in the command of a job.")
        declared = inputs if found[1] == "inputs" else outputs
        if found[2] not in declared:
            known = ", ".join(sorted(declared)) or "none"
            raise _wrong(expression, f"The {found[1]} of the job are: {known}.")


def expand_command(command: str, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> str:
    """The command with every expression replaced by its text; as at the service, nothing is quoted."""
    values = {f"inputs.{name}": value for name, value in inputs.items()}
    values |= {f"outputs.{name}": value for name, value in outputs.items()}
    return _EXPRESSION.sub(lambda found: values[found[1].strip()], command)


def expand_uri(uri: str, *, job: str, output: str, default_datastore: str) -> str:
    """The uri of an output with every expression replaced by its text."""
    values = dict(zip(_URI_NAMES, (job, output, default_datastore), strict=True))
    return _EXPRESSION.sub(lambda found: values.get(found[1].strip(), found[0]), uri)


def _wrong(expression: str, why: str) -> AzureMLError:
    return invalid(
        f"Invalid expression {expression[:80]}. {why}", "ArgumentInvalid", "InvalidJob", "InvalidExpressionInJob"
    )
