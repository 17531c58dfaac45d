"""The resources that every service needs, as context managers: journalled, created, and always deleted."""

from typing import TYPE_CHECKING

from harness.lazy_attributes import lazy_attributes

if TYPE_CHECKING:
    from harness.resources.container import (
        BlobContainer,
        container_metadata,
        delete_container,
        list_containers,
    )
    from harness.resources.group import ResourceGroup
    from harness.resources.journal import Entry, Journal, journal_for
    from harness.resources.owner import Owner, parse_owner, this_process
    from harness.resources.provisioning import Provisioning, Resource
    from harness.resources.registration import register_providers
    from harness.resources.share import FileShare
    from harness.resources.volume import Upload, Volume
else:
    __getattr__ = lazy_attributes(
        __name__,
        {
            "BlobContainer": "container",
            "Entry": "journal",
            "FileShare": "share",
            "Journal": "journal",
            "Owner": "owner",
            "Provisioning": "provisioning",
            "Resource": "provisioning",
            "ResourceGroup": "group",
            "Upload": "volume",
            "Volume": "volume",
            "container_metadata": "container",
            "delete_container": "container",
            "journal_for": "journal",
            "list_containers": "container",
            "parse_owner": "owner",
            "register_providers": "registration",
            "this_process": "owner",
        },
    )

__all__ = [
    "BlobContainer",
    "Entry",
    "FileShare",
    "Journal",
    "Owner",
    "Provisioning",
    "Resource",
    "ResourceGroup",
    "Upload",
    "Volume",
    "container_metadata",
    "delete_container",
    "journal_for",
    "list_containers",
    "parse_owner",
    "register_providers",
    "this_process",
]
