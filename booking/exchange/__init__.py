"""Hospital exports: what their files said, what of our times that closes, and where it meets a booked patient.

`service.apply_file` applies one file in one transaction; `service.publish` publishes slots so that those a hospital has
given away already are never open. Reading files is the scheduler's business (scheduler/exports).
"""
