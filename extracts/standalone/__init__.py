"""Pages that stand alone: one HTML file each, with its styles, pictures and program inside, that asks nobody for more.

For people who have no account, no network or a printer: the forum's pack, the request form, the catalogue.
"""
