"""Azurite's account with its well-known key, used only with ``--only storage``, where no job can run.

In an emulator that runs jobs, a client that can write files can run code.
"""

DEVELOPMENT_ACCOUNT = "devstoreaccount1"
DEVELOPMENT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
