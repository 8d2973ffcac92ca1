"""The imperative shell, one function per stage: load, call the pure core, save state and ledger event together.

`workplace` is what every step works in; `run` names the steps of one run in order; `requests` and `decisions` are
what people do before a run, `orders` what they do to stop one.
"""
