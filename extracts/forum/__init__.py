"""What the two bodies' chief data officers are shown each month: figures, each with the rows behind it. Pure.

`facts` are what register and ledger hold (`record/forum_reading` reads them); `pack` makes the month's pack of them.
"""
