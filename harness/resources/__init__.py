"""Azure resources as context managers: journalled before they are made, deleted whatever happened."""

from harness.resources.cluster import ClusterPlan, GpuCluster
from harness.resources.group import ResourceGroup, register_providers
from harness.resources.job import Job, JobResult
from harness.resources.journal import Entry, Journal
from harness.resources.provisioning import Provisioning, Resource
from harness.resources.share import FileShare

__all__ = [
    "ClusterPlan",
    "Entry",
    "FileShare",
    "GpuCluster",
    "Job",
    "JobResult",
    "Journal",
    "Provisioning",
    "Resource",
    "ResourceGroup",
    "register_providers",
]
