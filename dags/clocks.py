"""The Airflow DAG of the deliveries' clocks. Everything else is in the package: see `extracts.scheduling.clocks_dag`.

(Airflow reads a file for DAGs only if the words dag and airflow stand in it.)
"""

from extracts.scheduling.clocks_dag import clocks_dag

dag = clocks_dag()
