"""A place to practise at the desk: invented people, a day around now, begun anew as often as somebody likes."""
