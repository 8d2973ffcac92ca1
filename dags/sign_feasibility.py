"""The Airflow DAG that makes signed feasibility pages. Everything else: `extracts.scheduling.feasibility_dag`.

(Airflow reads a file for DAGs only if the words dag and airflow stand in it.)
"""

from extracts.scheduling.feasibility_dag import feasibility_dag

dag = feasibility_dag()
