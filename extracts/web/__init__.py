"""The pages inside the Airflow UI: an agreement, its plan, its runs, their reports and manifests. Read only.

`plugin` tells Airflow of them, `app` answers, `access` asks who may see, `shelf` finds files, `render` makes HTML.
"""
