#!/bin/sh
# usage: policy/build-decoder.sh PYTHON      compiles decoder.py to its two archives (any Python with torch)
cd "$(dirname "$0")/src/main/resources/dev/forkpoint/policy/decoder" || exit 1
"$1" -W ignore decoder.py onednn decoder-onednn.pt && "$1" -W ignore decoder.py aten decoder-aten.pt
