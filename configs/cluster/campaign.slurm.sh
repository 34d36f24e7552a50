#!/bin/bash
# A campaign on Slurm: a Ray cluster inside one job. Submit it again, or let it requeue itself, and it goes on.
#
#   sbatch campaign.slurm.sh CAMPAIGN.yaml STORE
#
# Needs: av-synth[farm] installed where all machines see it (PYTHON_ENV); a STORE on a file system that all see, with
# flock(2) between machines; `ray get-auth-token --generate` once, with a home that all see. What to change says CHANGE.
# See docs/how-to/cluster.md.
#
#SBATCH --job-name=av-synth
#SBATCH --nodes=4                    # CHANGE
#SBATCH --ntasks-per-node=1          # one Ray a machine; it starts the workers
#SBATCH --exclusive                  # at its end `ray stop` ends every Ray of this user on the machine
#SBATCH --time=12:00:00              # CHANGE
#SBATCH --signal=B:USR1@900          # 15 minutes before the end of that: drain, and go on in another job
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=av-synth-%j.log
# For a real CARLA, CHANGE:
##SBATCH --gpus-per-node=1
set -euo pipefail

campaign=${1:?usage: sbatch campaign.slurm.sh CAMPAIGN.yaml STORE}
store=${2:?usage: sbatch campaign.slurm.sh CAMPAIGN.yaml STORE}
environment=${PYTHON_ENV:-$HOME/av_synth}     # CHANGE: a virtual environment, or unpack a container here
export PATH="$environment/bin:$PATH"
export RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0
# Workers of a machine: its cores, unless it has fewer slots for CARLA than that (CHANGE: --resources='{"carla_slot": 2}').
cpus=${SLURM_CPUS_ON_NODE:?to be run by sbatch}

head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head --lines=1)
address=$(getent ahostsv4 "$head" | awk 'NR == 1 { print $1 }'):6379

requeue=no
drain() {
    requeue=yes
    av-synth cancel "$store" || true  # sets a flag; the driver ends when the runs that are played have ended
}
trap drain USR1

# The same command on all machines: starts Ray there, runs what follows `--` on the first, and stops Ray when that ends.
srun --kill-on-bad-exit=0 ray symmetric-run --address "$address" --min-nodes "$SLURM_JOB_NUM_NODES" \
    --num-cpus="$cpus" --disable-usage-stats --dashboard-host=127.0.0.1 \
    -- av-synth campaign "$campaign" --out "$store" --ray auto &
step=$!

status=0
wait "$step" || status=$?
while kill -0 "$step" 2>/dev/null; do # a signal ends `wait` before the step has ended
    status=0
    wait "$step" || status=$?
done

if [ "$requeue" = yes ] && [ "$status" -eq 130 ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
