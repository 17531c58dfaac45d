"""The definition of a job in the form of Batch AI. Pure."""

from collections.abc import Mapping
from typing import Any

from azure.mgmt.batchai import models

from harness.scenario.job import JobSpec
from harness.scenario.model import Limits

# toolkit -> field of JobCreateParameters, its model, the model's field for the arguments
_SCRIPTED: Mapping[str, tuple[str, type[Any], str]] = {
    "cntk": ("cntk_settings", models.CNTKsettings, "command_line_args"),
    "tensorFlow": ("tensor_flow_settings", models.TensorFlowSettings, "master_command_line_args"),
    "pyTorch": ("py_torch_settings", models.PyTorchSettings, "command_line_args"),
    "caffe": ("caffe_settings", models.CaffeSettings, "command_line_args"),
    "caffe2": ("caffe2_settings", models.Caffe2Settings, "command_line_args"),
    "chainer": ("chainer_settings", models.ChainerSettings, "command_line_args"),
    "horovod": ("horovod_settings", models.HorovodSettings, "command_line_args"),
}
_COMMANDED: Mapping[str, tuple[str, type[Any]]] = {
    "customToolkit": ("custom_toolkit_settings", models.CustomToolkitSettings),
    "customMpi": ("custom_mpi_settings", models.CustomMpiSettings),
}


def job_parameters(job: JobSpec, *, cluster_id: str, limits: Limits) -> models.JobCreateParameters:
    """Create the definition of a trial's job.

    Args:
        job: the definition in the scenario, with the values of the trial's parameters.
        cluster_id: the resource id of the cluster.
        limits: the limits of the scenario; the service terminates the job after ``limits.running``.
    """
    container = None
    if job.image is not None:
        container = models.ContainerSettings(image_source_registry=models.ImageSourceRegistry(image=job.image))
    outputs = [
        models.OutputDirectory(id=name, path_prefix=spec.prefix, path_suffix=spec.suffix or None)
        for name, spec in job.outputs.items()
    ]
    return models.JobCreateParameters(
        cluster=models.ResourceId(id=cluster_id),
        node_count=job.nodes,
        container_settings=container,
        job_preparation=models.JobPreparation(command_line=job.preparation) if job.preparation else None,
        std_out_err_path_prefix=job.stdouterr,
        input_directories=[models.InputDirectory(id=name, path=path) for name, path in job.inputs.items()] or None,
        output_directories=outputs or None,
        environment_variables=[
            models.EnvironmentVariable(name=name, value=value) for name, value in job.environment.items()
        ]
        or None,
        constraints=models.JobBasePropertiesConstraints(max_wall_clock_time=limits.running),
        **_settings(job),
    )


def _settings(job: JobSpec) -> dict[str, Any]:
    if job.toolkit in _COMMANDED:
        field, model = _COMMANDED[job.toolkit]
        return {field: model(command_line=job.command, **_without_none(process_count=job.processes))}
    field, model, arguments = _SCRIPTED[job.toolkit]
    optional = _without_none(
        python_interpreter_path=job.interpreter,
        process_count=job.processes,
        worker_count=job.workers,
        worker_command_line_args=job.worker_args,
        parameter_server_count=job.parameter_servers,
        parameter_server_command_line_args=job.parameter_server_args,
    )
    return {field: model(python_script_file_path=job.script, **{arguments: job.args or None}, **optional)}


def _without_none(**values: Any) -> dict[str, Any]:
    """The parameters that are not None; not every toolkit has all of them."""
    return {name: value for name, value in values.items() if value is not None}
