import pytest

from harness.clouds import open_cloud
from harness.config import Settings
from harness.errors import ProvisioningError, SignInError
from harness.resources import Journal, Provisioning, ResourceGroup, register_providers


def provisioning(cloud, clients, tmp_path, run="run"):
    return Provisioning(cloud, clients, Journal(tmp_path / "journal.jsonl"), lambda _event: None, run)


def test_a_group_is_there_inside_the_block_and_gone_after(tmp_path):
    with open_cloud("emulator", Settings(), cassettes=tmp_path) as cloud, cloud.clients("s/group") as clients:
        made = provisioning(cloud, clients, tmp_path)
        register_providers(made)
        with ResourceGroup(made, name="mine", location="eastus"):
            assert clients.resources.resource_groups.check_existence("mine")
        assert not clients.resources.resource_groups.check_existence("mine")
        assert made.journal.left() == []


def test_a_group_of_somebody_else_is_refused_and_kept(tmp_path):
    with open_cloud("emulator", Settings(), cassettes=tmp_path) as cloud, cloud.clients("s/group") as clients:
        clients.resources.resource_groups.create_or_update("theirs", {"location": "eastus"})
        made = provisioning(cloud, clients, tmp_path)
        with pytest.raises(ProvisioningError, match="theirs"), ResourceGroup(made, name="theirs", location="eastus"):
            pass
        assert clients.resources.resource_groups.check_existence("theirs")


def test_a_wrong_client_secret_names_the_settings(tmp_path):
    wrong = Settings(client_secret="wrong")
    with open_cloud("emulator", wrong, cassettes=tmp_path) as cloud, cloud.clients("s/group") as clients:
        made = provisioning(cloud, clients, tmp_path)
        with pytest.raises(SignInError, match="client_secret"):
            register_providers(made)
