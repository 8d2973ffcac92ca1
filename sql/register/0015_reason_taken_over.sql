-- A correction that stopped may be tried again for another reason: the run that takes it over says its own. What was
-- published keeps the reason that its manifest names: `keep_published` lets nothing but its state change.

GRANT UPDATE (reason) ON register.delivery TO :"application";
