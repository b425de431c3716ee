#!/usr/bin/env bash
# Builds the images of the four services and of the command line with buildah; no container engine, no root daemon. Nightly runs it
# with --check.
#
#   scripts/build-images.sh [--base IMAGE] [--tag-suffix SUFFIX] [--only NAME]... [--check]
#
#   --base IMAGE     image to build on, with Java 17; default: made here from Debian packages by mmdebstrap
#   --tag-suffix S   appended to the version in the tag, such as -gpu
#   --only NAME      rollout, entropy, reward, learner or cli; may be repeated; default: all
#   --check          start each one built, and wait until it is ready (rollout with Triton; ROLLOUT_ENGINE names another engine)
#
# Reproducible: times are those of SOURCE_DATE_EPOCH, default 2026-01-01, which the jars carry too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot} STORAGE_DRIVER=${STORAGE_DRIVER:-vfs}
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1767225600}

version=0.1.0
base=
suffix=
only=()
check=
while [ $# -gt 0 ]; do
  case $1 in
    --base) base=$2; shift 2 ;;
    --tag-suffix) suffix=$2; shift 2 ;;
    --only) only+=("$2"); shift 2 ;;
    --check) check=1; shift ;;
    *) echo "build-images: unknown option $1 (see the head of $0)" >&2; exit 2 ;;
  esac
done
[ ${#only[@]} -gt 0 ] || only=(reward rollout entropy learner cli)
command -v buildah > /dev/null || { echo "build-images: buildah not found" >&2; exit 1; }
for name in "${only[@]}"; do
  product=$name-service/target/quarkus-app/quarkus-run.jar
  [ "$name" = cli ] && product=cli/target/forkpoint-cli.jar
  [ -f "$product" ] || { echo "build-images: $product is missing: run mvn package first" >&2; exit 1; }
done
revision=$(git rev-parse HEAD 2> /dev/null || echo unknown)

# Debian's packages, nothing else: no shell history, no package lists, no time of building.
make_base() {
  local root container
  root=$(mktemp -d)
  # Java's alternatives link into man1, which must exist though nothing is unpacked there.
  if ! mmdebstrap --variant=essential --mode="${MMDEBSTRAP_MODE:-auto}" \
    --include=openjdk-17-jre-headless,libgomp1,libstdc++6,ca-certificates \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --essential-hook='mkdir -p "$1/usr/share/man/man1"' \
    --customize-hook='rm -rf "$1/usr/share/man" "$1/usr/share/locale"' \
    bookworm "$root/base.tar" ${DEBIAN_MIRROR:-} > "$root/log" 2>&1; then
    tail -n 30 "$root/log" >&2
    rm -rf "$root"
    echo "build-images: mmdebstrap failed" >&2
    return 1
  fi
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$root/base.tar" / > /dev/null
  buildah config --label org.opencontainers.image.title=forkpoint/base "$container"
  buildah commit --quiet --timestamp "$SOURCE_DATE_EPOCH" --rm "$container" "$base" > /dev/null
  rm -rf "$root"
}

if [ -z "$base" ]; then
  base=localhost/forkpoint/base:$version
  if ! buildah inspect --type image "$base" > /dev/null 2>&1; then
    echo "build-images: making $base" >&2
    make_base
  fi
fi

built=()
for name in "${only[@]}"; do
  image=forkpoint/$name-service:$version$suffix
  [ "$name" = cli ] && image=forkpoint/cli:$version$suffix
  buildah bud --quiet --layers=false --timestamp "$SOURCE_DATE_EPOCH" --pull-never \
    --build-arg "BASE_IMAGE=$base" --build-arg "VERSION=$version" --build-arg "REVISION=$revision" \
    --file "images/$name.Containerfile" --tag "localhost/$image" . > /dev/null
  echo "localhost/$image"
  built+=("$name")
done

[ -n "$check" ] || exit 0

# A service until it is ready, which rollout and entropy are with the bundled policy loaded; the command line until it tells its version.
check_image() {
  local name=$1 container
  if [ "$name" = cli ]; then
    container=$(buildah from --pull-never "localhost/forkpoint/cli:$version$suffix")
    buildah run "$container" -- java -Dforkpoint.home=/forkpoint -jar forkpoint-cli.jar --version
    buildah rm "$container" > /dev/null
    return
  fi
  container=$(buildah from --pull-never "localhost/forkpoint/$name-service:$version$suffix")
  local port=17109 log runner state='' settings=()
  local policy=(--volume "$PWD/models:/models:ro" --env FORKPOINT_POLICY_ALLOWED_URIS=file:/models/)
  case $name in
    rollout)
      settings=("${policy[@]}" --env FORKPOINT_ROLLOUT_POLICY=file:/models/countdown-base
        --env "FORKPOINT_ROLLOUT_ENGINE=${ROLLOUT_ENGINE:-triton}") ;;
    entropy) settings=("${policy[@]}" --env FORKPOINT_ENTROPY_POLICY=file:/models/countdown-base) ;;
    learner) settings=(--env FORKPOINT_LEARNER_RUN_ROOT=/tmp/runs) ;;
  esac
  log=$(mktemp)
  buildah run "${settings[@]}" --env "QUARKUS_HTTP_PORT=$port" --env QUARKUS_HTTP_HOST=127.0.0.1 "$container" -- \
    java -Xmx512m -jar quarkus-run.jar > "$log" 2>&1 &
  runner=$!
  for _ in $(seq 120); do
    state=$(curl -sf "http://127.0.0.1:$port/q/health/ready") && break
    kill -0 $runner 2> /dev/null || break
    sleep 1
  done
  kill $runner 2> /dev/null || true
  wait $runner || true
  buildah rm "$container" > /dev/null
  if [ -z "$state" ]; then
    cat "$log" >&2
    echo "build-images: $name-service did not become ready" >&2
    return 1
  fi
  rm -f "$log"
  echo "$name-service is ready: $(printf %s "$state" | tr -d ' \n')"
}

for name in "${built[@]}"; do
  check_image "$name"
done
