"""Pages: one HTML file that runs models in a browser, and asks nothing of any server.

`templates/` has the page, its style and its scripts. Imports the rest of exporting.
"""
