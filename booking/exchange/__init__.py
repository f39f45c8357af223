"""Hospital exports: files, rows, closings and conflicts."""
