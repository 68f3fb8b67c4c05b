#!/bin/sh
# Checks everything: formatting, vet, staticcheck and the other linters, go.mod,
# and the tests with the race detector, in this module and those below it.
#
#	./check.sh       what every change has to pass
#	./check.sh long  with the long versions of the tests, and fuzzing
#
# PostgreSQL is the one at $TENANTATLAS_POSTGRES, or is started for the tests
# from installed binaries. What had to be skipped is said at the end; with
# CI=true nothing may be.
set -eu
cd "$(dirname "$0")"

timeout=10m
case "${1-}" in '') ;;
long) export TENANTATLAS_LONG=1 timeout=60m ;;
*) echo "usage: ./check.sh [long]" >&2 && exit 2 ;;
esac

# One server for the tests of all packages; it ends when they do.
if [ -z "${TENANTATLAS_CHECK-}" ]; then
	export TENANTATLAS_CHECK=running
	exec go run ./internal/sqltest/withpostgres -quick ./check.sh "$@"
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
touch "$tmp/failed"
try() { "$@" || echo "$(basename "$1") $2 in $PWD" >>"$tmp/failed"; }
# golangci-lint runs gofumpt, goimports, vet and staticcheck too, at the
# versions in tools.mod, and loads the packages once for all of them.
lint=$(go tool -modfile=tools.mod -n golangci-lint)
sum=$(go tool -modfile=tools.mod -n gotestsum)

modules=$(find . -name go.mod -not -path '*/testdata/*' -not -path '*/.*/*' -exec dirname {} +)
for module in $modules; do
	cd "$module"
	printf '\n== %s\n' "$(go list -m)"
	try "$lint" run ./...
	try go mod tidy -diff
	cd "$OLDPWD"
done

# One report of all modules: what was skipped and what failed is said at its
# end, with the output of the tests that failed. Most of the race detector's time
# would go into SQLite's translated C, and some into deflate. Eight tests that wait
# need no eight processors. The browser waits, and so do the brokers of other
# modules: they are tested side by side, after this module, which does not wait.
printf '\n== tests\n'
try "$sum" --format=pkgname --jsonfile="$tmp/tests" --raw-command -- sh -c '
	timeout=$1 later=$2 failed=0 && shift 2
	check() {
		(cd "$1" && go test -json -race -gcflags=modernc.org/...=-race=false \
			-gcflags=compress/flate=-race=false -parallel=8 -shuffle=on -timeout="$timeout" ./...)
	}
	check . || failed=1
	check internal/browsertest >"$later" & browser=$!
	for module; do
		case $module in . | ./internal/browsertest) continue ;; esac
		check "$module" || failed=1
	done
	wait $browser || failed=1
	cat "$later"
	exit $failed' tests "$timeout" "$tmp/later" $modules
if [ "${CI-}" = true ] && grep '"Action":"skip"' "$tmp/tests" | grep -q '"Test":'; then
	echo 'nothing may be skipped with CI=true' >>"$tmp/failed"
fi

[ -z "${TENANTATLAS_LONG-}" ] || for module in $modules; do
	cd "$module"
	for pkg in $(go list ./...); do
		for fuzz in $(go test -list '^Fuzz' "$pkg" | grep '^Fuzz' || true); do
			try go test -run='^$' -fuzz="^$fuzz\$" -fuzztime=60s "$pkg"
		done
	done
	cd "$OLDPWD"
done

[ ! -s "$tmp/failed" ] || { printf '\n' && sed 's/^/FAILED /' "$tmp/failed" && exit 1; }
