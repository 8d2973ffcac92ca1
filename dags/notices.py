"""The Airflow DAG that sends notices. Everything else is in the package: see `extracts.scheduling.notices_dag`.

(Airflow reads a file for DAGs only if the words dag and airflow stand in it.)
"""

from extracts.scheduling.notices_dag import notices_dag

dag = notices_dag()
