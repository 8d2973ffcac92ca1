"""One Airflow DAG per published agreement, where there are many: here the next 1,500. See `agreements.py`."""

from extracts.scheduling.dag_folder import folder_dags

globals().update(folder_dags(shard=2))
