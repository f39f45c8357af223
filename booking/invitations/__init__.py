"""Invitations to a re-examination: a hospital's slip, shown to the person it names once she is known here."""
