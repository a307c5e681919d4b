"""Volunteers that say again, over HTTP, what real conversation trees say: demo, load generator and test in one.

Knows published files and the API; does not know the campaign's inside.
"""
