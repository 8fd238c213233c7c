"""A server into a table: records that fit a filter, as CSV, XLSX, Parquet or JSON lines."""

from etl.exporting.pulling import Exported, What, export_records, read_table
from etl.exporting.run import How, Place, run_export

__all__ = ["Exported", "How", "Place", "What", "export_records", "read_table", "run_export"]
