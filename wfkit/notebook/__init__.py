"""wfkit inside Jupyter: magics, completion, the updating display and the capture of what bodies display.

The only room that talks to IPython. What a verb does is not written here, only how it is called and shown.
"""
