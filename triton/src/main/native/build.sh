#!/bin/sh
# Builds the small shared libraries that ship as resources of this module.
#
#   build.sh OUT_DIR          needs gcc, and a JDK 17 for jni.h (JAVA_HOME, else the javac on the PATH)
#
# The shipped ones are made by:  src/main/native/build.sh src/main/resources/native/linux-x86_64
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$1
java_home=${JAVA_HOME:-$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")}
mkdir -p "$out"
# No build id and no timestamps: the same compiler gives the same bytes.
flags="-O2 -Wall -Wextra -shared -fPIC -s -Wl,--build-id=none"

# Stand-ins. -nostdlib: they need nothing at all, not even libc.
gcc $flags -nostdlib -Wl,-soname,libcudart.so.12 \
    -Wl,--version-script="$here/cudart_stub.map" -o "$out/libcudart.so.12" "$here/cudart_stub.c"
gcc $flags -nostdlib -Wl,-soname,libdcgm.so.3 -o "$out/libdcgm.so.3" "$here/dcgm_stub.c"
for lib in NUMA:numa:libnuma.so.1 XML2:xml2:libxml2.so.2 CURL:curl:libcurl.so.4; do
    name=${lib##*:}
    rest=${lib%:*}
    gcc $flags -nostdlib "-D${rest%%:*}" -Wl,-soname,"$name" \
        -Wl,--version-script="$here/${rest##*:}.map" -o "$out/$name" "$here/absent.c"
done

# The backend's Triton symbols come from the libtritonserver.so that the process has loaded already. JavaCPP loads
# that one RTLD_LOCAL, so the backend must NEED it by soname: an empty library of that soname is enough to link.
link=$(mktemp -d)
trap 'rm -rf "$link"' EXIT
echo '' | gcc -shared -nostdlib -Wl,-soname,libtritonserver.so -o "$link/libtritonserver.so" -xc -
gcc $flags -fvisibility=hidden -I"$java_home/include" -I"$java_home/include/linux" \
    -o "$out/libtriton_forkpoint.so" "$here/forkpoint_backend.c" \
    -Wl,--no-as-needed -L"$link" -ltritonserver -pthread
