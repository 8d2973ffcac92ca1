"""How Airflow sees an agreement: one DAG each, built from its published file, which two people signed.

`dag_folder` finds the files, `facts` reads one, `agreement_dag` makes the DAG, `timetable` says when it runs,
`step_operator` runs one step, `links` and `run_notes` show people what came of it. Nothing here decides: the gates do.
"""
