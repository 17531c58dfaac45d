"""What any service needs, as context managers: journalled before it is made, deleted whatever happened."""

from harness.resources.group import ResourceGroup
from harness.resources.journal import Entry, Journal
from harness.resources.provisioning import Provisioning, Resource
from harness.resources.registration import register_providers
from harness.resources.share import FileShare, Upload

__all__ = [
    "Entry",
    "FileShare",
    "Journal",
    "Provisioning",
    "Resource",
    "ResourceGroup",
    "Upload",
    "register_providers",
]
