#!/bin/sh
# Builds libforkpoint_kernels.so, which ships as a resource of this module.
#
#   build.sh OUT_DIR          needs gcc for x86-64
#
# The shipped one is made by:  src/main/native/build.sh src/main/resources/native/linux-x86_64
set -eu
cd "$(dirname "$0")"
case $1 in /*) out=$1 ;; *) out=$OLDPWD/$1 ;; esac
mkdir -p "$out"
# libtorch is in the process already, loaded RTLD_LOCAL: its symbols are found by its soname, for which an empty library of that name will do.
link=$(mktemp -d)
trap 'rm -rf "$link"' EXIT
echo '' | gcc -shared -nostdlib -Wl,-soname,libtorch_cpu.so -o "$link/libtorch_cpu.so" -xc -
# No build id and no timestamps: the same compiler gives the same bytes.
for level in 1 3 4; do
    arch=x86-64-v$level
    [ $level = 1 ] && arch=x86-64
    gcc -c -DLEVEL=$level -march=$arch -O3 -std=gnu11 -Wall -Wextra -Wno-psabi -fno-math-errno -fno-trapping-math -ffp-contract=fast \
        -fvisibility=hidden -fPIC -o "$link/$level.o" kernels.c
done
# nodelete: libtorch keeps the operators' addresses, whoever unloads the library.
gcc -shared -s -Wl,--build-id=none -Wl,-z,nodelete -o "$out/libforkpoint_kernels.so" "$link/1.o" "$link/3.o" "$link/4.o" -Wl,--no-as-needed -L"$link" -ltorch_cpu -lm
