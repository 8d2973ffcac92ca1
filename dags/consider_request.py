"""The DAG by which requests are considered. Everything else is in the package: see `extracts.scheduling`.

(Airflow reads a file for DAGs only if the words dag and airflow stand in it.)
"""

from extracts.scheduling.consideration_dag import consideration_dags

globals().update(consideration_dags())
