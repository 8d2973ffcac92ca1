"""Governed extracts: approved requests become minimised, validated, signed and encrypted deliveries.

Read the packages in the order of the path: `catalogue` (what exists), `agreement` (what was agreed),
`extraction` (how it is made), `handover` (how it is handed over), `record` (how it is remembered),
`steps` (one function per stage), and the faces: `cli`, `web` and the DAGs.
"""

__version__ = "0.1.0"
