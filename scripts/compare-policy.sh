#!/usr/bin/env bash
# usage: scripts/compare-policy.sh [WORK_DIR [ROUNDS [ROW...]]] > figures.jsonl
# The policy library against transformers, eager PyTorch and TRL on the same checkpoints: in each round every row runs the peer and then
# ours, so that both meet the same machine. One JSON line a measurement on standard output; ratios with their spread over the rounds, as
# a Markdown table, in WORK_DIR/ratios.md. Rows: those of the table at the end. FORKPOINT_PYTHON (else python3) needs torch,
# transformers and trl. Build first: mvn -DskipTests package.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${FORKPOINT_PYTHON:-python3}
work=${1:-$(mktemp -d)}
rounds=${2:-3}
shift $(($# < 2 ? $# : 2))
if ! "$python" -c 'import torch, transformers, trl' 2> /dev/null; then
  echo "skipped: $python has not all of torch, transformers and trl" >&2
  exit 0
fi
mkdir -p "$work"
work=$(cd "$work" && pwd)
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive} OMP_NUM_THREADS=2 PEER_QUIET_WAIT=${PEER_QUIET_WAIT:-20}
[ -f "$work/prompts.txt" ] || (cd scripts/peers && "$python" -W ignore make_checkpoints.py "$work" >&2)
mvn -q -o -pl policy dependency:build-classpath -Dmdep.outputFile="$work/classpath" -Dmdep.includeScope=runtime >&2
: > "$work/figures.jsonl"

# one measurement: ROUND ROW SIDE COMMAND...
record() {
  local line
  line=$("${@:4}" 2> "$work/errors.txt" | grep '^{"script' | tail -n 1) || line="{\"failed\": \"${*:4}\"}"
  printf '{"round": %s, "row": "%s", "side": "%s", "load": %s, %s\n' "$1" "$2" "$3" "$(cut -d ' ' -f 1 /proc/loadavg)" "${line#\{}" \
    | tee -a "$work/figures.jsonl"
}
ours() { # with the options of the launcher, forkpoint
  MALLOC_ARENA_MAX=1 java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx512m -cp "policy/target/classes:$(cat "$work/classpath")" \
    dev.forkpoint.policy.bench.PolicyBench "$@"
}
theirs() { (cd scripts/peers && "$python" -W ignore "$@"); }

row() {
  case $2 in
    sample-*)
      local model=${2#sample-}
      local size=${model#*-}
      model=${model%%-*}
      record "$1" "$2" peer theirs hf_generate.py "$work/$model" "$work/prompts.txt" "${size%x*}" "${size#*x}" --reps 2
      record "$1" "$2" ours ours sample "$work/$model" "$work/prompts.txt" "${size%x*}" "${size#*x}" 3
      ;;
    train-tiny) train "$1" "$2" tiny 128 64 3 ;;
    train-small) train "$1" "$2" small 64 128 2 ;;
    train-bigvocab) train "$1" "$2" bigvocab 4 256 1 ;;
    score-bigvocab)
      record "$1" "$2" peer theirs hf_score.py "$work/bigvocab" 8 512
      record "$1" "$2" ours ours score "$work/bigvocab" 8 512 3
      ;;
    iterate-tiny) iterate "$1" "$2" tiny --micro 128 ;;
    iterate-small) iterate "$1" "$2" small --micro 32 --accum 4 ;;
    *)
      echo "row: $2 (expected: one of ${all[*]})" >&2
      exit 2
      ;;
  esac
}
train() {
  record "$1" "$2" peer theirs hf_train_step.py "$work/$3" "$4" "$5" --reps "$6" --variants none,sparse
  record "$1" "$2" ours ours train "$work/$3" "$4" "$5" 0.2 3
  record "$1" "$2" ours-rho-1 ours train "$work/$3" "$4" "$5" 1 3
}
iterate() {
  record "$1" "$2" peer theirs trl_grpo.py "$work/$3" "$work/prompts.txt" "${@:4}"
  record "$1" "$2" ours-rollout ours iterate "$work/$3" "$work/prompts.txt" 512 64 rollout 2
  record "$1" "$2" ours-recomputed ours iterate "$work/$3" "$work/prompts.txt" 512 64 recomputed 2
}

all=(sample-tiny-512x64 sample-tiny-64x256 sample-small-512x64 sample-small-64x256 train-tiny train-small train-bigvocab score-bigvocab
  iterate-tiny iterate-small)
[ $# -gt 0 ] || set -- "${all[@]}"
for round in $(seq "$rounds"); do
  for name in "$@"; do
    row "$round" "$name"
  done
done

"$python" - "$work/figures.jsonl" > "$work/ratios.md" << 'TABLE'
import json, statistics, sys

def sides(f):  # the peer in its several variants: full logits (none, full), a head in parts (sparse, rows)
    return {k: v for k, v in f["variants"].items() if k in ("none", "sparse", "full", "rows")} if "variants" in f else {"": f}

rows = {}
for line in open(sys.argv[1]):
    f = json.loads(line)
    rows.setdefault(f["row"], {}).setdefault(f["side"], []).append(f)
print("| row | ours | peer's variant | peer, tokens/s | ours, tokens/s | ratio: median (least - greatest round) | peak MiB peer; ours | load |")
print("| --- | --- | --- | --- | --- | --- | --- | --- |")
for row, measured in rows.items():
    for side in (s for s in measured if s != "peer"):
        for variant in sides(measured["peer"][0]):
            pairs = [(sides(p).get(variant, {}), o) for p, o in zip(measured["peer"], measured[side])]
            pairs = [(p, o) for p, o in pairs if p.get("tokens_per_s") and o.get("tokens_per_s")]
            if not pairs:
                print(f"| {row} | {side} | {variant} | failed | | | | |")
                continue
            ratios = [o["tokens_per_s"] / p["tokens_per_s"] for p, o in pairs]
            loads = [o["load"] for _, o in pairs]
            print(f"| {row} | {side} | {variant} | {statistics.median(p['tokens_per_s'] for p, _ in pairs):,.0f} "
                  f"| {statistics.median(o['tokens_per_s'] for _, o in pairs):,.0f} "
                  f"| {statistics.median(ratios):.2f} ({min(ratios):.2f} - {max(ratios):.2f}) "
                  f"| {max(p['peak_rss_mib'] for p, _ in pairs):,.0f}; {max(o['peak_rss_mib'] for _, o in pairs):,.0f} "
                  f"| {min(loads)} - {max(loads)} |")
TABLE
cat "$work/ratios.md" >&2
