# CARLA 0.9.16 with av_synth and Ray beside it, for workers with a GPU. From the checkout's root:
#
#   docker build --file configs/cluster/carla.Dockerfile --tag registry.example.com/av-synth:carla .
#
# A campaign finds the server at `simulator: {carla: /opt/carla}`. Its image is Ubuntu 20.04, whose Python is too old, so that
# one comes along. The machine needs NVIDIA's driver and container toolkit. See docs/how-to/cluster.md.
FROM ghcr.io/astral-sh/uv:0.8.15 AS uv

FROM carlasim/carla:0.9.16
USER root

# The image's own folder is where its CarlaUE4.sh is, wherever that may be.
RUN test -x CarlaUE4.sh && ln --symbolic "$PWD" /opt/carla

# wget: KubeRay's probes. rsync, openssh-client: Ray's launcher. vulkan-tools: to see which GPU Vulkan sees.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        ca-certificates openssh-client procps rsync vulkan-tools wget \
    && rm -rf /var/lib/apt/lists/*

COPY --from=uv /uv /usr/local/bin/uv
ENV UV_PYTHON_INSTALL_DIR=/opt/python UV_NO_CACHE=1 VIRTUAL_ENV=/opt/av_synth PATH=/opt/av_synth/bin:$PATH
COPY tools/requirements.lock /src/requirements.lock
RUN sed --quiet 's/^\([a-z0-9].*\) \\$/\1/p' /src/requirements.lock > /src/constraints.txt
COPY . /src/av_synth
RUN uv venv --python 3.11 /opt/av_synth \
    && uv pip install --constraint /src/constraints.txt "/src/av_synth[farm]" \
    && rm -rf /src/av_synth

# CARLA refuses to run as root. CHANGE: an id that may write to the store
RUN id av_synth 2>/dev/null || useradd --create-home --non-unique --uid 1000 av_synth
USER av_synth
WORKDIR /home/av_synth
ENV RAY_USAGE_STATS_ENABLED=0 PYTHONUNBUFFERED=1 NVIDIA_DRIVER_CAPABILITIES=all
CMD ["av-synth", "doctor"]
