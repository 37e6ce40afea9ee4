"""wfkit in a shell: the command line, and notebooks run from it without a browser.

What a verb does is not written here, only how it is called, printed and turned into an exit code.
"""
