"""One Airflow DAG per published agreement: here the first 1,500. All else is in the package: `extracts.scheduling`.

(Airflow reads a file for DAGs only if the words dag and airflow stand in it.)
"""

from extracts.scheduling.dag_folder import folder_dags

globals().update(folder_dags())
