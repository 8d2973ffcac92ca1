"""The register's tables as typed SQLAlchemy models: the mirror of sql/register, which makes them.

These stay inside `record`: the functions of the register hand out plain values (`entries`). A test compares every
model with the migrated database.
"""

from extracts.record.tables import before_delivery, deliveries, notices, requests, reviews
from extracts.record.tables.base import Base

__all__ = ["Base", "before_delivery", "deliveries", "notices", "requests", "reviews"]
