"""Hẹn Khám: what people talk to. The folder list in README.md says where everything lives."""
