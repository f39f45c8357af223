"""Everything held about a person, across capabilities: shown to her, handed over, withdrawn, erased."""
