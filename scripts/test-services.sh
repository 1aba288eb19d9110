#!/bin/sh
# Installs what the tests need beside Python packages (database servers, Java), where that is possible without asking;
# whatever is still missing afterwards, the tests say so. Usage: scripts/test-services.sh PYTHON
set -eu

as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then exit 0; fi
    as_root='sudo -n'
fi
command -v apt-get >/dev/null || exit 0

# The tests' own idea of what is missing decides, in their words: postgres, mysql, java, decoder.
packages=
build=
for piece in $("$1" -c 'from tests import services; print(*sorted(services.missing() - services.allowed_missing()))'); do
    case $piece in
        postgres) packages="$packages postgresql" ;;
        # The programs alone, no service; mariadb-install-db calls one of the client's.
        mysql) packages="$packages mariadb-server-core mariadb-client-core" ;;
        # No JDK: Debian's headless runtime has the compiler's module, which runs tests/clients/jdbc/Bridge.java as it is.
        java) packages="$packages default-jre-headless maven" ;;
        decoder) packages="$packages gcc libc6-dev python3-dev" && build=yes ;;
    esac
done
[ -n "$packages" ] || exit 0

echo "installing$packages"
export DEBIAN_FRONTEND=noninteractive
# policy-rc.d keeps PostgreSQL's package from starting a service of its own: the tests start private ones.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
    trap '$as_root rm -f "$policy"' EXIT
fi
$as_root apt-get update -qq
# shellcheck disable=SC2086 # one word a package
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
[ -z "$build" ] || "$1" -m pip install --quiet --disable-pip-version-check --no-deps --editable .
