"""Where queries run: in worker processes, or in the server's own (`server.workers: 0`).

The front's side, from its calls down: `pool` answers them, `stream` one that has rows; `supervisor` keeps the processes
alive and says who runs what; `process` is one of them, `channel` one of its ways in. The worker's side: `worker` is the
process, `serving` one channel there, `sections` what it is made from. `messages` and `slots` lie between the two.
"""
