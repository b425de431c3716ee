#!/bin/sh
# usage: policy/build-decoder.sh PYTHON      compiles decoder.py to its archives (any Python with torch)
cd "$(dirname "$0")/src/main/resources/dev/forkpoint/policy/decoder" || exit 1
for kind in native aten bfloat16; do "$1" -W ignore decoder.py "$kind" "decoder-$kind.pt" || exit 1; done
