"""The exceptions that the harness raises.

::

    HarnessError
    ├── UserError                what the user can fix; exit code 2
    │   ├── SettingsError            a setting is missing or wrong
    │   ├── ScenarioError            a scenario file is wrong (file, line, value)
    │   ├── CassetteError            a cassette is missing, unreadable, or holds a secret
    │   ├── JournalError             the journal of resources cannot be read or written
    │   └── ToolkitError             an interpreter, package or program is not installed
    ├── CloudError               the cloud refused or failed a request; exit code 1
    │   ├── SignInError              credentials were refused
    │   ├── ProvisioningError        a group, share, cluster or node could not be provisioned
    │   ├── JobError                 a job could not be submitted or watched
    │   │   └── UnreachableError         the service answers no request about a job, after all retries
    │   ├── ServiceRetiredError      Batch AI no longer answers at the endpoint
    │   └── BudgetError              the price or node-hour budget would be exceeded
    ├── DownloadError            no source provided the right file; exit code 1
    ├── UnmatchedRequestError    replay: no recorded interaction matches the request; exit code 1
    └── EmulatorError            the emulator cannot start or its directory is in use; exit code 2

A message says what was requested, what was found, what is allowed and what to type next.
A message holds no secret, and its control characters are escaped.
"""

from harness.printable import printable_lines


class HarnessError(Exception):
    """Base class of all exceptions of the harness; ``exit_code`` is the exit code of the command line."""

    exit_code = 1

    def __str__(self) -> str:
        return printable_lines(super().__str__())


class UserError(HarnessError):
    """The user's input is wrong, and the user can fix it."""

    exit_code = 2


class SettingsError(UserError):
    """A setting is missing or wrong; the message names all its possible sources."""


class ScenarioError(UserError):
    """A scenario file is wrong; the message gives file, line and value of every mistake."""


class CassetteError(UserError):
    """A cassette is missing, unreadable, or would hold a secret."""


class JournalError(UserError):
    """The journal cannot be read or written, or another process holds it; nothing is created without it."""


class ToolkitError(UserError):
    """An interpreter, a package or a program that a job needs is not installed."""


class CloudError(HarnessError):
    """The cloud refused or failed a request."""


class SignInError(CloudError):
    """The credentials were refused."""


class ProvisioningError(CloudError):
    """A resource group, share, cluster or node could not be provisioned."""


class JobError(CloudError):
    """A job could not be submitted or watched. (A job that fails is an outcome, not an error.)"""


class UnreachableError(JobError):
    """The service answers no request about a job any more, so that the state of the job is unknown."""


class ServiceRetiredError(CloudError):
    """Batch AI no longer answers at this endpoint: Microsoft retired it on 31 March 2019."""


class BudgetError(CloudError):
    """The next step would exceed the budget of price or node-hours."""


class DownloadError(HarnessError):
    """No source provided a file, or its content is wrong everywhere."""


class UnmatchedRequestError(HarnessError):
    """Replay has no recorded interaction for a request."""


class EmulatorError(HarnessError):
    """The emulator cannot start, answer or stop, or its data directory is in use."""

    exit_code = 2
