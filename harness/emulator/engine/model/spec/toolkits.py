"""The settings of the toolkits that a job can use."""

from harness.emulator.engine.model.spec.definition import Count, Name, Spec, Text


class CntkSettings(Spec, frozen=True, kw_only=True):
    """CNTK with a BrainScript configuration or a Python script."""

    language_type: Name | None = None
    config_file_path: Text | None = None
    python_script_file_path: Text | None = None
    python_interpreter_path: Text | None = None
    command_line_args: Text | None = None
    process_count: Count | None = None


class PyTorchSettings(Spec, frozen=True, kw_only=True):
    """PyTorch: one process for each rank."""

    python_script_file_path: Text
    python_interpreter_path: Text | None = None
    command_line_args: Text | None = None
    process_count: Count | None = None
    communication_backend: Name | None = None


class TensorFlowSettings(Spec, frozen=True, kw_only=True):
    """TensorFlow: a master, workers and parameter servers."""

    python_script_file_path: Text
    python_interpreter_path: Text | None = None
    master_command_line_args: Text | None = None
    worker_command_line_args: Text | None = None
    parameter_server_command_line_args: Text | None = None
    worker_count: Count | None = None
    parameter_server_count: Count | None = None


class CaffeSettings(Spec, frozen=True, kw_only=True):
    """Caffe with a solver's configuration or a Python script."""

    config_file_path: Text | None = None
    python_script_file_path: Text | None = None
    python_interpreter_path: Text | None = None
    command_line_args: Text | None = None
    process_count: Count | None = None


class Caffe2Settings(Spec, frozen=True, kw_only=True):
    """Caffe2: one process on each node."""

    python_script_file_path: Text
    python_interpreter_path: Text | None = None
    command_line_args: Text | None = None


class ScriptSettings(Spec, frozen=True, kw_only=True):
    """Chainer or Horovod: a script under MPI."""

    python_script_file_path: Text
    python_interpreter_path: Text | None = None
    command_line_args: Text | None = None
    process_count: Count | None = None


class CustomToolkitSettings(Spec, frozen=True, kw_only=True):
    """A command on the first node."""

    command_line: Text | None = None


class CustomMpiSettings(Spec, frozen=True, kw_only=True):
    """A command under MPI."""

    command_line: Text
    process_count: Count | None = None
