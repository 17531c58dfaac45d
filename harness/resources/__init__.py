"""What any service needs, as context managers: journalled before it is made, deleted whatever happened."""

from typing import TYPE_CHECKING

from harness.lazy_attributes import lazy_attributes

if TYPE_CHECKING:
    from harness.resources.group import ResourceGroup
    from harness.resources.journal import Entry, Journal
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
            "Provisioning": "provisioning",
            "Resource": "provisioning",
            "ResourceGroup": "group",
            "Upload": "share",
            "register_providers": "registration",
        },
    )

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
