"""Services that run jobs: the protocol, and a package for each implementation."""

from typing import TYPE_CHECKING

from harness.lazy_attributes import lazy_attributes

if TYPE_CHECKING:
    from harness.services.catalogue import service_named
    from harness.services.service import Cluster, ClusterPlan, Job, MountPlan, Service
else:
    __getattr__ = lazy_attributes(
        __name__,
        {
            "Cluster": "service",
            "ClusterPlan": "service",
            "Job": "service",
            "MountPlan": "service",
            "Service": "service",
            "service_named": "catalogue",
        },
    )

__all__ = [
    "Cluster",
    "ClusterPlan",
    "Job",
    "MountPlan",
    "Service",
    "service_named",
]
