from harness.emulator.identity import new_secret


def test_secrets_differ_and_never_look_like_an_option() -> None:
    """``az login -p SECRET`` refuses a secret that begins with a dash."""
    secrets = {new_secret() for _ in range(1000)}

    assert len(secrets) == 1000
    assert not [secret for secret in secrets if secret.startswith("-")]
    assert all(len(secret) >= 40 for secret in secrets)
