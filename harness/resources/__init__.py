"""Azure resources as context managers: journalled before they are made, deleted whatever happened."""

from harness.resources.cluster import ClusterPlan, GpuCluster
from harness.resources.group import ResourceGroup, register_providers
from harness.resources.job import Job, JobView, make_experiment
from harness.resources.journal import Entry, Journal
from harness.resources.output import JobOutput, OutputFile
from harness.resources.provisioning import Provisioning, Resource
from harness.resources.share import FileShare, Upload

__all__ = [
    "ClusterPlan",
    "Entry",
    "FileShare",
    "GpuCluster",
    "Job",
    "JobOutput",
    "JobView",
    "Journal",
    "OutputFile",
    "Provisioning",
    "Resource",
    "ResourceGroup",
    "Upload",
    "make_experiment",
    "register_providers",
]
