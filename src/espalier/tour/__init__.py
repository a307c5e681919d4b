"""The whole circle, small: from people's trees to a model, and from what it writes back to people's judgement.

Runs the commands that anybody types and asks a site over HTTP like anybody's browser; knows neither databases nor
models.
"""
