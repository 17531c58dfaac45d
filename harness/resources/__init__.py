"""What any service needs, as context managers: journalled before it is made, deleted whatever happened."""

from typing import TYPE_CHECKING

from harness.lazy_attributes import lazy_attributes

if TYPE_CHECKING:
    from harness.resources.group import ResourceGroup
    from harness.resources.journal import Entry, Journal, journal_for
    from harness.resources.owner import Owner, parse_owner, this_process
    from harness.resources.provisioning import Provisioning, Resource
    from harness.resources.registration import register_providers
    from harness.resources.share import FileShare, Upload
else:
    __getattr__ = lazy_attributes(
        __name__,
        {
            "Entry": "journal",
            "FileShare": "share",
            "Journal": "journal",
            "Owner": "owner",
            "Provisioning": "provisioning",
            "Resource": "provisioning",
            "ResourceGroup": "group",
            "Upload": "share",
            "journal_for": "journal",
            "parse_owner": "owner",
            "register_providers": "registration",
            "this_process": "owner",
        },
    )

__all__ = [
    "Entry",
    "FileShare",
    "Journal",
    "Owner",
    "Provisioning",
    "Resource",
    "ResourceGroup",
    "Upload",
    "journal_for",
    "parse_owner",
    "register_providers",
    "this_process",
]
