# av_synth with its own simulator and Ray, for the head and for workers without a GPU. From the checkout's root:
#
#   docker build --file configs/cluster/embedded.Dockerfile --tag registry.example.com/av-synth:embedded .
#
# One image for all machines of a farm: equal files ask for equal versions of everything. See docs/how-to/cluster.md.
FROM python:3.11-slim-bookworm

# wget: KubeRay's probes. rsync, openssh-client: Ray's launcher. procps: `ray status` and people.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates openssh-client procps rsync wget \
    && rm -rf /var/lib/apt/lists/*

# Everything in the versions of the lock file; its hashes are for `make setup`.
COPY tools/requirements.lock /src/requirements.lock
RUN sed --quiet 's/^\([a-z0-9].*\) \\$/\1/p' /src/requirements.lock > /src/constraints.txt
COPY . /src/av_synth
RUN pip install --no-cache-dir --constraint /src/constraints.txt "/src/av_synth[farm]" && rm -rf /src/av_synth

# The software GL library, fetched once. Where a machine's GPU is to render instead, install libegl1 here.
ENV XDG_CACHE_HOME=/opt/cache
RUN python -m av_synth.simulator.render.software_gl

# CHANGE: an id that may write to the store
RUN useradd --create-home --uid 1000 av_synth && chown --recursive av_synth /opt/cache
USER av_synth
WORKDIR /home/av_synth
ENV RAY_USAGE_STATS_ENABLED=0 PYTHONUNBUFFERED=1
CMD ["av-synth", "doctor"]
