"""The verb `verify`: does a restart with all cells run again give what is here?

What is compared, why it differs, and how a live notebook asks. The fresh kernel is started by the command line.
"""
