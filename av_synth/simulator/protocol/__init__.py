"""CARLA 0.9.16's wire protocol: bytes in, bytes out, and the only place inside the simulator with CARLA's left hand.

`rpc` is the request port, `streams` the data port, `codec`, `snapshot` and `bodies` turn values into wire shapes, and
`handlers` binds call names to the engine. Facts of the format were read off the official client by experiment.
"""
