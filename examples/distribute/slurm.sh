#!/bin/bash
# One worker a node, each with all the GPUs it was given:
#
#     sbatch slurm.sh train classify --data DATA --out RUN
#
# DATA, RUN and the packages lie where all nodes see them. A job that is put back in the
# queue, or loses a node, goes on from its last checkpoint.
#SBATCH --job-name=tfreg
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=1
#SBATCH --requeue
set -euo pipefail

addresses=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed 's/.*/"&:23456"/' | paste -sd, -)
export addresses
# A worker that is lost ends the others, and then the job goes back to the queue. Input
# that cannot be used (2), which a run that is complete is too, would be so again.
code=0
srun --kill-on-bad-exit=1 bash -c '
    export TF_CONFIG="{\"cluster\": {\"worker\": [$addresses]}, \"task\": {\"type\": \"worker\", \"index\": $SLURM_PROCID}}"
    exec tfreg "$@" --strategy multiworker --resume
' tfreg "$@" || code=$?
if [[ $code != 0 && $code != 2 ]]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
