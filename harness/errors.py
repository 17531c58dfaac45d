"""Everything the harness raises on purpose.

::

    HarnessError
    ├── UserError                what the user can fix; exit code 2
    │   ├── SettingsError            a setting is missing or wrong
    │   ├── ScenarioError            a scenario file is wrong (file, line, value)
    │   ├── CassetteError            a cassette is missing, unreadable, or holds a secret
    │   ├── JournalError             the journal of resources cannot be read or written
    │   └── ToolkitError             an interpreter, package or program is not installed
    ├── CloudError               the cloud refused, or did not do, what was asked; exit code 1
    │   ├── SignInError              credentials were refused
    │   ├── ProvisioningError        a group, share, cluster or node did not come up
    │   ├── JobError                 a job could not be submitted or watched
    │   │   └── UnreachableError         nobody answered, however often it was asked
    │   ├── ServiceRetiredError      Batch AI no longer answers there
    │   └── BudgetError             the price or node-hour budget would be exceeded
    ├── DownloadError            no source gave a file that is good; exit code 1
    ├── UnmatchedRequestError    replay: no recorded interaction answers the request; exit code 1
    └── EmulatorError            the emulator cannot start or its directory is in use; exit code 2

A message says what was asked, what was found, what is allowed and what to type next.
Nothing in a message is secret, and control characters in it are displayed, not sent to a terminal.
"""

from harness.printable import printable_lines


class HarnessError(Exception):
    """Base of all of them. ``exit_code`` is what the command line ends with."""

    exit_code = 1

    def __str__(self) -> str:
        return printable_lines(super().__str__())


class UserError(HarnessError):
    """What was typed or written is wrong, and the user can fix it."""

    exit_code = 2


class SettingsError(UserError):
    """A setting is missing or wrong; the message names every place it can come from."""


class ScenarioError(UserError):
    """A scenario file is wrong; the message gives file, line and the offending value of every mistake."""


class CassetteError(UserError):
    """A cassette is missing, unreadable, or would hold a secret."""


class JournalError(UserError):
    """The journal cannot be read or written, or another process holds it; nothing is created without it."""


class ToolkitError(UserError):
    """An interpreter, a package or a program that a job needs is not installed."""


class CloudError(HarnessError):
    """The cloud refused, or did not do, what was asked of it."""


class SignInError(CloudError):
    """The credentials were refused."""


class ProvisioningError(CloudError):
    """A resource group, share, cluster or node did not come up."""


class JobError(CloudError):
    """A job could not be submitted or watched. (A job that fails is an outcome, not an error.)"""


class UnreachableError(JobError):
    """No request about a job is answered any more: what is not known of the job is not known to be wrong."""


class ServiceRetiredError(CloudError):
    """Batch AI no longer answers at this endpoint: Microsoft retired it on 31 March 2019."""


class BudgetError(CloudError):
    """The next step would exceed the budget of price or node-hours."""


class DownloadError(HarnessError):
    """No source gave a file, or none gave the right one."""


class UnmatchedRequestError(HarnessError):
    """Replay has no recorded interaction for a request."""


class EmulatorError(HarnessError):
    """The emulator cannot start, answer or stop, or its data directory is in use."""

    exit_code = 2
