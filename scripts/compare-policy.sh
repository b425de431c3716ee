#!/usr/bin/env bash
# usage: scripts/compare-policy.sh PYTHON [WORK_DIR] [REPETITIONS] > figures.jsonl
# Sampling, scoring, updates and whole iterations of the policy library against transformers, eager PyTorch and TRL on the same
# checkpoints, run in turn: one JSON line a measurement. PYTHON needs torch, transformers and trl. Build first: mvn -DskipTests package.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${1:-python3}
work=${2:-$(mktemp -d)}
reps=${3:-5}
if ! "$python" -c 'import torch, transformers, trl' 2> /dev/null; then
  echo "skipped: $python has not all of torch, transformers and trl" >&2
  exit 0
fi
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive} OMP_NUM_THREADS=2 PEER_QUIET_WAIT=${PEER_QUIET_WAIT:-20}
[ -f "$work/prompts.txt" ] || (cd scripts/peers && "$python" -W ignore make_checkpoints.py "$work" >&2)
mvn -q -o -pl policy dependency:build-classpath -Dmdep.outputFile="$work/classpath" -Dmdep.includeScope=runtime >&2
ours() { java -Xmx512m -cp "policy/target/classes:$(cat "$work/classpath")" dev.forkpoint.policy.bench.PolicyBench "$@" 2> "$work/ours.err"; }
theirs() { (cd scripts/peers && "$python" -W ignore "$@" 2> "$work/theirs.err" | grep '^{"script'); }

for model in tiny small; do
  for size in "512 64" "64 256"; do
    # shellcheck disable=SC2086
    theirs hf_generate.py "$work/$model" "$work/prompts.txt" $size --reps "$reps"
    # shellcheck disable=SC2086
    ours sample "$work/$model" "$work/prompts.txt" $size "$reps"
  done
done
theirs hf_train_step.py "$work/tiny" 128 64 --reps "$reps"
ours train "$work/tiny" 128 64 0.2 "$reps"
ours train "$work/tiny" 128 64 1 "$reps"
theirs hf_train_step.py "$work/small" 64 128 --reps "$reps"
ours train "$work/small" 64 128 0.2 "$reps"
ours train "$work/small" 64 128 1 "$reps"
theirs hf_train_step.py "$work/bigvocab" 4 256 --reps 3
ours train "$work/bigvocab" 4 256 0.2 3
theirs hf_score.py "$work/bigvocab" 8 512
ours score "$work/bigvocab" 8 512 3
theirs trl_grpo.py "$work/tiny" "$work/prompts.txt" --micro 128
ours iterate "$work/tiny" "$work/prompts.txt" 512 64 rollout "$reps"
ours iterate "$work/tiny" "$work/prompts.txt" 512 64 recomputed "$reps"
theirs trl_grpo.py "$work/small" "$work/prompts.txt" --micro 32 --accum 4
ours iterate "$work/small" "$work/prompts.txt" 512 64 rollout "$reps"
ours iterate "$work/small" "$work/prompts.txt" 512 64 recomputed "$reps"
