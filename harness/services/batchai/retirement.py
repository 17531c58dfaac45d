"""Error codes of Microsoft's cloud since the end of Batch AI, and what to do about them.

Microsoft announced the end on 14 December 2018 and stopped the service on 31 March 2019. Private clouds, and the
emulator, may still offer its API: there the codes have their original meaning.
"""

from harness.resources.azure_errors import NO_PROVIDER, KnownErrors

_FAREWELL = (
    "Batch AI no longer answers here ({code}); Microsoft announced its end on 14 December 2018 and stopped it on "
    "31 March 2019. What works instead: --cloud emulator (the same API on this machine), --cloud replay (recorded "
    "answers), or Azure Machine Learning, its successor"
)
_REMEDIES = {
    "MissingSubscriptionRegistration": (
        "register it: az provider register --namespace Microsoft.BatchAI (and Microsoft.Batch)"
    )
}

# MissingSubscriptionRegistration may also mean an unregistered provider, but the harness registers providers first.
KNOWN_ERRORS = KnownErrors(NO_PROVIDER, _FAREWELL, _REMEDIES)
