"""Whatever runs unattended: the Celery application, its tasks, the pipeline, one file per AI task."""
