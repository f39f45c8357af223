"""The register of what people ask about their data: what, until when, what was answered."""
