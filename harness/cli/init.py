"""``harness init``: create a first scenario, a settings file and a test."""

from collections.abc import Mapping
from pathlib import Path

import click

from harness.cli.groups import CONTEXT
from harness.cli.options import PATH
from harness.cli.output import say
from harness.config import OWN_SETTINGS, SETTINGS_FILE, Settings
from harness.errors import SettingsError, UserError
from harness.scenario.schema import SCHEMA_FILE

_STARTER = Path(__file__).with_name("starter")
_SECRETS = "# Keep secrets out of this file; put them into the environment or into .env, which is never committed."


@click.command(context_settings=CONTEXT, epilog="More: harness docs getting-started")
@click.argument("directory", metavar="[DIR]", type=PATH, default=Path())
def init(directory: Path) -> None:
    """Create a first scenario that runs as it is, its script, a test and a settings file.

    DIR is the directory of the project; the default is the current directory. Nothing is overwritten.
    """
    files = _files()
    if existing := [name for name in files if (directory / name).exists()]:
        raise UserError(
            f"{directory.absolute()} already has {', '.join(existing)}, and nothing is overwritten; "
            "choose another directory: harness init DIR"
        )
    try:
        for name, content in files.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as stream:
                stream.write(content)
            say(f"wrote {path}")
    except OSError as error:
        raise SettingsError(f"{error.filename} cannot be written: {error.strerror}") from error
    say(_next_steps(directory))


def _files() -> Mapping[str, str]:
    """Return the content of each file by its relative path."""
    return {
        "scenarios/first.yaml": _text(_STARTER / "scenario.yaml"),
        "scenarios/scenario.schema.json": _text(SCHEMA_FILE),
        "scenarios/files/train.py": _text(_STARTER / "train.py.in"),
        "tests/test_first.py": _text(_STARTER / "test_first.py.in"),
        SETTINGS_FILE: settings_template(),
    }


def settings_template() -> str:
    """Return a ``harness.toml`` with every setting and its meaning, all commented out; secrets are only named."""
    lines = [
        "# Settings of this project; an environment variable HARNESS_<NAME> overrides a value in this file.",
        _SECRETS,
    ]
    for name, field in Settings.model_fields.items():
        lines += ["", f"# {field.description}"]
        is_secret = "SecretStr" in str(field.annotation)
        variable = f"HARNESS_{name.upper()}"
        if name in OWN_SETTINGS:
            lines.append(f"# {name}: {variable} in the environment, or {name} in your own settings file")
        elif is_secret:
            lines.append(f"# {name}: {variable} in .env")
        else:
            lines.append(f"# {name} = {_example(name)}")
    return "\n".join(lines) + "\n"


def _example(name: str) -> str:
    """Return a value of the right type, in TOML."""
    examples = {
        "runs_dir": '"runs"',
        "lifetime": '"P1D"',
        "max_node_hours": "10",
        "max_price": "5",
        "vm_price": "0.9",
        "azureml_images": '{ "microsoft/cntk:*" = "mcr.microsoft.com/azureml/curated/acpt-pytorch-2.2-cuda12.1" }',
        "container_images": '{ "microsoft/cntk:*" = "registry.example/cntk:2.7" }',
    }
    return examples.get(name, '""')


def _next_steps(directory: Path) -> str:
    lines = [
        "",
        "next steps:",
        *([] if directory == Path() else [f"  cd {directory}"]),
        "  harness doctor                                check what works on this machine",
        "  harness run scenarios/first.yaml              run the scenario on an emulator that starts automatically",
        "  pytest                                        run the tests",
    ]
    return "\n".join(lines)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
