"""Expressions in a command: ``${{inputs.x}}`` and ``${{outputs.x}}``; pure."""

import re
from collections.abc import Mapping

from harness.emulator.providers.azureml.errors import AzureMLError, invalid

_EXPRESSION = re.compile(r"\$\{\{([^{}]*)\}\}")
_NAME = re.compile(r"(inputs|outputs)\.([a-zA-Z_]\w*)")
_URI_NAMES = ("name", "output_name", "default_datastore")


def check_command(command: str, inputs: Mapping[str, object], outputs: Mapping[str, object]) -> None:
    """Check that a command refers only to inputs and outputs that the job declares.

    Raises:
        AzureMLError: an expression names something else.
    """
    for expression in map(str.strip, _EXPRESSION.findall(command)):
        match = _NAME.fullmatch(expression)
        if match is None:
            raise _invalid_expression(expression, "Only inputs and outputs can be referred to in the command of a job.")
        declared = inputs if match[1] == "inputs" else outputs
        if match[2] not in declared:
            names = ", ".join(sorted(declared)) or "none"
            raise _invalid_expression(expression, f"The {match[1]} of the job are: {names}.")


def expand_command(command: str, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> str:
    """The command with every expression replaced by its text; as in the service, nothing is quoted."""
    values = {f"inputs.{name}": value for name, value in inputs.items()}
    values |= {f"outputs.{name}": value for name, value in outputs.items()}
    return _EXPRESSION.sub(lambda match: values[match[1].strip()], command)


def expand_uri(uri: str, *, job: str, output: str, default_datastore: str) -> str:
    """The uri of an output with every expression replaced by its text."""
    values = dict(zip(_URI_NAMES, (job, output, default_datastore), strict=True))
    return _EXPRESSION.sub(lambda match: values.get(match[1].strip(), match[0]), uri)


def _invalid_expression(expression: str, reason: str) -> AzureMLError:
    return invalid(
        f"Invalid expression {expression[:80]}. {reason}", "ArgumentInvalid", "InvalidJob", "InvalidExpressionInJob"
    )
