"""Scenarios made of other tools' files, and other tools' files made of scenarios."""

from harness.interchange.azureml_export import Exported, ExportedFile, export_azureml
from harness.interchange.importing import Imported, import_files
from harness.interchange.source import Note

__all__ = [
    "Exported",
    "ExportedFile",
    "Imported",
    "Note",
    "export_azureml",
    "import_files",
]
