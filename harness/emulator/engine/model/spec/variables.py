"""The variables of a set-up task or a job."""

from harness.emulator.engine.model.spec.definition import KeyVaultSecretReference, Name, Spec, Text


class EnvironmentVariable(Spec, frozen=True, kw_only=True):
    """A variable whose value responses show."""

    name: Name
    value: Text


class Secret(Spec, frozen=True, kw_only=True):
    """A variable whose value no response shows."""

    name: Name
    value: Text | None = None
    value_secret_reference: KeyVaultSecretReference | None = None
