"""One Airflow DAG per published agreement. Everything else is in the package: see `extracts.scheduling`.

(Airflow reads a file for DAGs only if the words dag and airflow stand in it.)
"""

from extracts.scheduling.dag_folder import folder_dags

globals().update(folder_dags())
