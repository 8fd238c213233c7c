"""A server into a table: records that fit a filter, as CSV, XLSX, Parquet or JSON lines."""

from etl.exporting.describing import SelfDescription, mapping_of, mappings_of, read_self_description
from etl.exporting.pulling import Exported, What, export_records, read_table
from etl.exporting.run import resume_export, run_export
from etl.exporting.writing import How

__all__ = [
    "Exported",
    "How",
    "SelfDescription",
    "What",
    "export_records",
    "mapping_of",
    "mappings_of",
    "read_self_description",
    "read_table",
    "resume_export",
    "run_export",
]
