#!/bin/sh
# One script from a fresh machine to a running preread:
#
#   ./run.sh demo [ARGS]      set up if need be, then start everything with a demo archive and demo studies
#   ./run.sh preread [ARGS]   set up if need be, then run the preread command
#   ./run.sh setup [cpu|gpu]  set up only; gpu: models on an NVIDIA GPU, which needs CUDA 13 and cuDNN 9
#   ./run.sh test [ARGS]      lint, types, import contracts and tests; ARGS go to pytest
#   ./run.sh validate [ARGS]  every kind of object before every validator that is installed; --slow hears PixelMed, too
#   ./run.sh messages         take new texts of the pages into the catalogues of their languages
#   ./run.sh lock             write the lock files anew from pyproject.toml
#   ./run.sh train [OUT]      make the demonstration model anew (about an hour of two cores, evaluation included)
#
# It needs Python 3 and its standard library: no pip, no venv module, no compiler, no root. What it brings stays in
# .venv, .tools and the cache folder ($PREREAD_CACHE, else ~/.cache/preread).
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
cd "$HERE"

OLDEST_UV=0.7.0   # the first one tried with this script
ROOM_MB=2000      # the environment, and what a first start unpacks
MODEL_VERSION=2   # of the demonstration model, as its card says
INSTALLABLE='requirements.lock requirements-test.lock requirements-gpu.lock' # the first, unless another is there

# Compiled modules are kept: without them each of preread's processes compiles for seconds what it imports.
unset PYTHONDONTWRITEBYTECODE

say() { printf '%s\n' "preread: $*" >&2; }
fail() { say "$*"; exit 1; }

check_platform() {
  case $(uname -s)-$(uname -m) in
    Linux-x86_64 | Linux-aarch64 | Darwin-arm64) ;;
    *) fail "preread runs on Linux (x86-64, ARM64) and on macOS 14 or newer (Apple silicon); this is $(uname -s) on $(uname -m)." ;;
  esac
  if ldd --version 2>&1 | grep -qi musl; then
    fail "preread needs a Linux with the GNU C library (ONNX Runtime is not packaged for musl): use Debian, Ubuntu, Red Hat or their like."
  fi
}

# --- where things go -----------------------------------------------------------------------------------------------

prepare_folders() {
  if [ ! -w "${HOME:-/nonexistent}" ]; then # service accounts often have no home
    export UV_CACHE_DIR="${UV_CACHE_DIR:-$HERE/.tools/uv-cache}"
    export PREREAD_CACHE="${PREREAD_CACHE:-$HERE/.tools/cache}"
  fi
  mkdir -p .tools 2>/dev/null && [ -w .tools ] || fail "$HERE cannot be written to: copy the repository to a folder of your own."
  free_mb=$(($(df -Pk . | awk 'NR == 2 { print $4 }') / 1024))
  if [ ! -x .venv/bin/preread ] && [ "$free_mb" -lt "$ROOM_MB" ]; then
    fail "The disk of $HERE has $free_mb MB left and the setup needs $ROOM_MB MB: free some space and start again."
  fi
}

# pip's settings hold for uv, too, unless uv has its own; certificates of the system count (hospital proxies).
prepare_network() {
  if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ] && [ -n "${PIP_INDEX_URL:-}" ]; then
    export UV_DEFAULT_INDEX="$PIP_INDEX_URL"
  fi
  if [ -z "${SSL_CERT_FILE:-}" ] && [ -n "${PIP_CERT:-}" ]; then export SSL_CERT_FILE="$PIP_CERT"; fi
  for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
    if [ -s "$bundle" ]; then export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"; fi
  done
  export UV_HTTP_TIMEOUT="${UV_HTTP_TIMEOUT:-120}"
}

# --- Python and uv -------------------------------------------------------------------------------------------------

# Says "whole" for an interpreter in which the embedded Triton can run: 3.11 or 3.12 with its shared library; "bare" for
# another one that will do (Debian's library is fetched later, 3.13 gets the local engine); nothing for the rest.
JUDGE='
import os, sys, sysconfig
if (3, 11) <= sys.version_info[:2] < (3, 14) and sys.implementation.name == "cpython":
    name = "libpython%d.%d.so.1.0" % sys.version_info[:2]
    ask = sysconfig.get_config_var
    places = [ask("LIBDIR"), ask("LIBPL"), sys.base_prefix + "/lib", "/usr/lib/%s" % ask("MULTIARCH"), "/usr/lib64"]
    there = any(p and os.path.exists(os.path.join(p, name)) for p in places)
    print("whole" if there and sys.version_info < (3, 13) else "bare", "%d.%d" % sys.version_info[:2])
'

find_python() {
  if [ -n "${PREREAD_PYTHON:-}" ]; then
    [ -n "$("$PREREAD_PYTHON" -c "$JUDGE" 2>/dev/null)" ] ||
      fail "PREREAD_PYTHON=$PREREAD_PYTHON is not Python 3.11, 3.12 or 3.13: name one that is."
    PYTHON=$PREREAD_PYTHON
    return
  fi
  PYTHON=
  for name in python3.12 python3.11 python3 python3.13; do
    path=$(command -v "$name" 2>/dev/null) || continue
    case $("$path" -c "$JUDGE" 2>/dev/null) in
      whole*) PYTHON=$path; return ;;
      bare*) PYTHON=${PYTHON:-$path} ;;
    esac
  done
}

# uv brings an interpreter of its own into .tools; it can only where the place it takes them from can be reached.
managed_python() ( # prints its path
  export UV_PYTHON_INSTALL_DIR="$HERE/.tools/python" UV_PYTHON_INSTALL_BIN=0 UV_PYTHON_PREFERENCE=only-managed
  "$UV" python install 3.12 >&2 && "$UV" python find 3.12
)

any_python() {
  for name in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 python; do
    if [ -n "$name" ] && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; then
      printf '%s\n' "$name"
      return
    fi
  done
}

new_enough() { # VERSION OLDEST, compared part by part
  printf '%s %s\n' "$1" "$2" | awk '{
    split($1, a, "."); split($2, b, ".")
    for (i = 1; i <= 3; i++) if (a[i] + 0 != b[i] + 0) exit !(a[i] + 0 > b[i] + 0)
    exit 0
  }'
}

find_uv() {
  UV=
  for path in "$HERE/.tools/uv" "$(command -v uv 2>/dev/null || true)"; do
    version=$("$path" --version 2>/dev/null | awk '{ print $2 }') || continue
    if [ -n "$version" ] && new_enough "$version" "$OLDEST_UV"; then UV=$path; break; fi
  done
  if [ -z "$UV" ]; then
    starter=$(any_python)
    [ -n "$starter" ] ||
      fail "There is no python3 here and preread needs Python 3.11, 3.12 or 3.13: install it (Debian, Ubuntu: apt install python3) and start again."
    UV=$("$starter" service/embedded/get_uv.py .tools) || exit 1
    UV=$HERE/$UV
  fi
  export UV
}

make_environment() {
  # Its scripts name its place, so an environment that was moved is made anew.
  if grep -qsF "$HERE/.venv" .venv/bin/activate && [ -n "$(.venv/bin/python -c "$JUDGE" 2>/dev/null)" ]; then return; fi
  find_python
  if [ -z "$PYTHON" ]; then
    say "no Python 3.11, 3.12 or 3.13 found: asking uv for one"
    PYTHON=$(managed_python) ||
      fail "There is no Python 3.11, 3.12 or 3.13 here and uv could not get one (see above): install it, or name it with PREREAD_PYTHON=PATH."
  elif [ -z "${PREREAD_PYTHON:-}" ] && [ "$("$PYTHON" -c "$JUDGE")" = "bare 3.13" ] && [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ]; then
    say "the embedded Triton needs Python 3.11 or 3.12: asking uv for one"
    if managed=$(managed_python 2>/dev/null); then PYTHON=$managed; else say "none to be had: going on with Python 3.13 and the local engine"; fi
  fi
  rm -rf .venv
  "$UV" venv --quiet --python "$PYTHON" .venv || fail "$PYTHON cannot make an environment (see above): name another one with PREREAD_PYTHON=PATH."
}

# --- the environment -----------------------------------------------------------------------------------------------

# setup LOCK...: any of the given locks will do. The one that was installed before is renewed, else the first installed.
setup() {
  prepare_folders
  prepare_network
  before=$(cat .venv/preread-setup 2>/dev/null || true)
  wanted=$1
  for lock in "$@"; do
    if [ -x .venv/bin/preread ] && [ "$before" = "$(stamp "$lock")" ]; then return; fi
    if [ "${before%% *}" = "$lock" ]; then wanted=$lock; fi
  done
  check_platform
  find_uv
  make_environment
  say "installing what $wanted lists into .venv"
  "$UV" pip sync --python .venv/bin/python --require-hashes --no-build "$wanted" ||
    fail "The packages of $wanted could not be installed (see above): check the network, or UV_DEFAULT_INDEX / PIP_INDEX_URL if you have a mirror, and start again."
  "$UV" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable . ||
    fail "preread itself could not be installed into .venv (see above): remove .venv and start again."
  stamp "$wanted" > .venv/preread-setup
  say "ready ($(.venv/bin/python -c 'import platform; print("Python", platform.python_version())'))"
}

stamp() { printf '%s %s %s\n' "$1" "$(cat "$1" pyproject.toml | cksum)" "$HERE"; }

run_preread() {
  setup $INSTALLABLE
  exec .venv/bin/preread "$@"
}

# --- tests ---------------------------------------------------------------------------------------------------------

# A Debian package for each thing that a test drives; "FILE-OR-COMMAND PACKAGE".
TEST_PARTS='
redis-server redis-server
/usr/lib/postgresql/*/bin/postgres postgresql
Orthanc orthanc
/usr/share/orthanc/plugins/libOrthancDicomWeb.so orthanc-dicomweb
storescu dcmtk
dciodvfy dicom3tools
/usr/share/java/pixelmed.jar libpixelmed-java
java default-jre-headless
chromium chromium
chromedriver chromium-driver
'

there() { # a command on PATH (or in sbin), or a file by pattern
  case $1 in
    */*) for file in $1; do [ -e "$file" ] && return; done; return 1 ;;
    *) PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1 ;;
  esac
}

# As root (so in CI) the real counterparts are installed; their services stay stopped, the tests start their own.
install_test_parts() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 && [ "${PREREAD_TEST_PACKAGES:-yes}" = yes ] || return 0
  missing=
  while read -r part package; do
    if [ -n "$part" ] && ! there "$part"; then missing="$missing $package"; fi
  done <<PARTS
$TEST_PARTS
PARTS
  [ -n "$missing" ] || return 0
  say "installing for the tests:$missing"
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  export DEBIAN_FRONTEND=noninteractive
  { apt-get -qq update && apt-get -qq install --no-install-recommends -y $missing >/dev/null; } ||
    say "not all of them could be installed; the tests that need them will say that they were skipped"
  if [ "$(cat "$policy" 2>/dev/null)" = "$(printf '#!/bin/sh\nexit 101')" ]; then rm -f "$policy"; fi
  trap - EXIT
}

ignoring() { printf -- '--ignore=%s ' "$@"; }

run_tests() {
  setup requirements-test.lock
  install_test_parts
  failed=
  check() { # NAME COMMAND...
    name=$1
    shift
    say "$name"
    "$@" >&2 || failed="$failed${failed:+, }$name"
  }
  check "ruff" .venv/bin/ruff check .
  check "ruff format" .venv/bin/ruff format --check .
  check "mypy --strict" .venv/bin/mypy --strict
  check "lint-imports" .venv/bin/lint-imports
  code=0
  export PREREAD_CHECKS_FAILED="$failed"
  if [ $# -gt 0 ]; then
    .venv/bin/python -m pytest "$@" || code=$?
  else
    # Two lanes side by side: one uses a processor, that of models and whole installations mostly waits.
    beside="tests/unit tests/dicom tests/pages tests/e2e/test_outage.py tests/e2e/test_charsets.py tests/e2e/test_priors.py tests/e2e/test_real_files.py"
    said=$(mktemp)
    .venv/bin/python -m pytest $beside > "$said" 2>&1 &
    others=$!
    trap 'kill "$others" 2>/dev/null' EXIT
    .venv/bin/python -m pytest $(ignoring $beside) || code=$?
    wait "$others" || code=$?
    trap - EXIT
    say "$beside, which ran beside these:"
    cat "$said"
    rm -f "$said"
  fi
  if [ "$code" = 0 ] && [ -n "$failed" ]; then code=1; fi
  exit "$code"
}

run_validators() {
  setup requirements-test.lock
  install_test_parts
  PATH="$PATH:/usr/sbin" exec .venv/bin/python -m tests.validate "$@"
}

# --- lock files ----------------------------------------------------------------------------------------------------

# A lock is for Linux and macOS, x86-64 and ARM64, Python 3.11 to 3.13; every file by hash, no index or URL named.
# The GPU's is the same but for the pair of runtimes (Linux only), so that what was tested is what runs there.
compile() { # LOCK ARGS...
  lock=$1
  shift
  "$UV" pip compile pyproject.toml --quiet --group build "$@" --universal --python-version 3.11 --generate-hashes \
    --no-header --no-annotate --no-emit-index-url --output-file "$lock" >/dev/null || fail "$lock could not be compiled (see above)."
}

write_locks() {
  prepare_folders
  prepare_network
  find_uv
  compile requirements.lock --extra cpu "$@"
  compile requirements-test.lock --extra cpu --extra dev --constraint requirements.lock "$@"
  compile requirements-gpu.lock --extra gpu --constraint requirements.lock "$@"
}

# --- the demonstration model -----------------------------------------------------------------------------------------

# In an environment of its own: torch and its like are needed for nothing else. A run that was stopped goes on.
train_model() {
  check_platform
  prepare_folders
  prepare_network
  find_uv
  out=${1:-.tools/train}
  recipe=triton_models/chest_demo/recipe
  python=.tools/train-venv/bin/python
  if [ ! -x "$python" ]; then
    find_python
    "$UV" venv --quiet --python "${PYTHON:-3.12}" .tools/train-venv || fail "No environment for the training could be made (see above)."
  fi
  say "installing what $recipe/requirements.in lists"
  # On Linux the index's own torch brings a GPU's libraries; PREREAD_TORCH_INDEX names one with the small build.
  "$UV" pip install --quiet --python "$python" ${PREREAD_TORCH_INDEX:+--index "$PREREAD_TORCH_INDEX"} -r "$recipe/requirements.in" ||
    fail "The packages of $recipe/requirements.in could not be installed (see above): check the network or name an index with PREREAD_TORCH_INDEX."
  step() { say "$*"; "$python" "$recipe/$@" || fail "$1 failed (see above)."; }
  step train.py --out "$out"
  step export.py --run "$out" --out triton_models/chest_demo/1
  step card.py --version "$MODEL_VERSION"
  step calibrate.py --out "$out/calibration.json"
  step card.py --version "$MODEL_VERSION" --calibration "$out/calibration.json"
  step evaluate.py --out "$out/evaluation.json"
  step card.py --version "$MODEL_VERSION" --calibration "$out/calibration.json" --evaluation "$out/evaluation.json"
}

case ${1:-} in
  train) shift; train_model "$@" ;;
  demo) run_preread "$@" ;;
  preread) shift; run_preread "$@" ;;
  setup)
    case ${2:-} in
      '') setup $INSTALLABLE ;;
      cpu) setup requirements.lock ;;
      gpu) setup requirements-gpu.lock ;;
      *) fail "setup cpu or setup gpu, not setup $2." ;;
    esac
    ;;
  test) shift; run_tests "$@" ;;
  validate) shift; run_validators "$@" ;;
  messages) .venv/bin/python -m tests.support.messages ;;
  lock) shift; write_locks "$@" ;;
  *) sed -n '2,/^set /{ s/^# \{0,1\}//; /^set /d; p; }' "$0"; exit 2 ;;
esac
