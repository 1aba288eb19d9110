#!/bin/sh
# The decoders' tests under AddressSanitizer and UndefinedBehaviorSanitizer: scripts/sanitize.sh PYTHON
set -eu
python=$1
made=build/sanitize
rm -rf "$made"
mkdir -p "$made/connectors"
cp -r connectors/native "$made/connectors/native"
cp connectors/__init__.py "$made/connectors/" 2>/dev/null || true
rm -f "$made"/connectors/native/*.so
include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
gcc -O1 -g -std=c11 -Wall -Wextra -Wno-cast-function-type -fsanitize=address,undefined -fno-sanitize-recover=undefined \
    -fno-omit-frame-pointer -shared -fPIC -I"$include" connectors/native/*.c -o "$made/connectors/native/_rows.abi3.so"
grep -v usefixtures tests/unit/test_native_decoder.py >"$made/test_native_decoder.py"
cd "$made"
# Leaks are not looked for: Python keeps memory until the end.
ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)" \
    PYTHONPATH="$PWD" "$python" -P -m pytest -q -p no:cacheprovider -c /dev/null test_native_decoder.py
