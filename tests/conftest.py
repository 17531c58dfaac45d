import os

from hypothesis import HealthCheck, settings

# These machines are noisy: how long an example takes says nothing. And where a test has a fixture of its own, all its
# examples are meant to share it.
settings.register_profile(
    "tests",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    max_examples=1000 if os.environ.get("HARNESS_TEST_DOSE") == "full" else 50,
)
settings.load_profile("tests")
