"""Jobs on the machines of a Ray cluster.

Three kinds of programs share the work. The emulator (``backend.py``) never imports Ray: it keeps a driver
(``python -m harness.compute.ray``), a child process that may die with the cluster and is started again. The driver
finds machines for nodes and leaves a detached actor on each (``agent.py``), which outlives it and the emulator. What
the agent starts needs the standard library alone: the supervisor of a job on its first node (``leash.py``), and, where
a job has several nodes, a server on each that starts the job's processes there (``node_server.py``), for ranks and in
place of ``ssh`` (``remote.py``).

Machines that do not see the emulator's files are sent copies of them: the driver compares both sides again and again
(``staging.py``, ``mirror.py``), and the agent keeps the table of what both have (``staged_job.py``).
"""
