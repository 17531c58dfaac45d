"""The back end ``ray``: jobs run on the machines of a Ray cluster.

Three kinds of programs cooperate. The emulator (``backend.py``) never imports Ray. It runs a driver
(``python -m harness.compute.ray``), a child process that may die with the cluster and is restarted. The driver finds
machines for nodes and starts a detached actor on each (``agent.py``), which outlives the driver and the emulator. The
programs that an agent starts need the standard library alone: the supervisor of a job on its first node
(``leash.py``), and, if a job has several nodes, a server on each that starts the job's processes there
(``node_server.py``), for ranks and in place of ``ssh`` (``remote.py``).

Machines that do not see the emulator's files receive copies of them: the driver compares both sides repeatedly
(``staging.py``, ``mirror.py``), and the agent has the table of the files that both sides share (``staged_job.py``).
"""
