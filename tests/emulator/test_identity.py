from harness.emulator.identity import new_secret


def test_secrets_differ_and_never_look_like_an_option() -> None:
    """``az login -p SECRET`` refuses a secret that begins with a dash."""
    made = {new_secret() for _ in range(1000)}

    assert len(made) == 1000
    assert not [secret for secret in made if secret.startswith("-")]
    assert all(len(secret) >= 40 for secret in made)
