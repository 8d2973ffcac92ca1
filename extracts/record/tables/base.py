"""What every table of the register has in common."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Computed, DateTime, ForeignKeyConstraint, MetaData, Text
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """Everything lies in the schema `register`; text is unlimited and times carry their zone."""

    metadata = MetaData(schema="register")
    type_annotation_map = {str: Text, datetime: DateTime(timezone=True)}


def computed() -> Computed:
    """A column that the database computes from the document in its row: how, stands in sql/register."""
    return Computed("", persisted=True)


def of_a_request() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["request_id", "version"], ["register.request.request_id", "register.request.version"])
