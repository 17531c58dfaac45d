"""Import of other tools' files as scenarios, and export of scenarios to other tools' files."""

from harness.interchange.azureml_export import Export, ExportedFile, export_azureml
from harness.interchange.importing import ImportedScenario, import_files
from harness.interchange.source import Note

__all__ = [
    "Export",
    "ExportedFile",
    "ImportedScenario",
    "Note",
    "export_azureml",
    "import_files",
]
