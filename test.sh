#!/usr/bin/env bash
# The whole verdict on a working copy: format, lints, build, all tests on SQLite and PostgreSQL with real mail
# servers and a real browser, documentation. Prints each step and how long it took; stops at the first failure.
#
# On Debian as root, what is missing is installed. Otherwise it has to be there: PostgreSQL's programs, Chromium with
# its driver, Postfix's programs, npm (only the programs are used: no service is configured or started).
set -euo pipefail
cd "$(dirname "$0")"

export DEBIAN_FRONTEND=noninteractive
export PATH="$PATH:/usr/sbin:/sbin"
# Tests against real servers, and the places where the crash tests let the program fail.
features=hearback-tests/servers,hearback/failpoints
scratch=
made_policy=
started=$SECONDS

fail() { printf 'test.sh: %s\n' "$*" >&2; exit 1; }

# step NAME COMMAND...: says what runs and how long it took.
step() {
  local name=$1 from=$SECONDS; shift
  printf '\n==> %s\n    %s\n' "$name" "$*"
  "$@" || fail "$name failed after $((SECONDS - from)) s"
  printf '    %s: %d s\n' "$name" "$((SECONDS - from))"
}

have() { command -v "$1" >/dev/null 2>&1; }
postgres_bin() { find /usr/lib/postgresql -maxdepth 3 -name initdb -printf '%h\n' 2>/dev/null | sort -V | tail -n 1; }

missing_packages() {
  [ -n "$(postgres_bin)" ] || echo postgresql
  have chromium || echo chromium
  have chromedriver || echo chromium-driver
  have smtp-sink || echo postfix
  have npm || echo npm
  have dovecot || echo dovecot-imapd
  have cc || echo build-essential
  have openssl || echo openssl
  # Other programs judge our mail: its signatures, its headers, whether it looks like spam.
  /usr/bin/python3 -c 'import dkim, nacl' 2>/dev/null || printf 'python3-dkim\npython3-nacl\n'
  have spamassassin || echo spamassassin
  # Lets calls of the system fail under a real process.
  have strace || echo strace
  # Shows another time to a real process.
  find /usr/lib -name 'libfaketimeMT.so.1' 2>/dev/null | grep -q . || echo faketime
}

install_missing() {
  local packages policy=/usr/sbin/policy-rc.d
  mapfile -t packages < <(missing_packages)
  if [ "${#packages[@]}" -gt 0 ]; then
    { [ "$(id -u)" = 0 ] && have apt-get; } || fail "missing: ${packages[*]}; install these Debian packages, or run as root so that they are installed"
    # Installing must not start services on this machine.
    [ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod +x "$policy"; made_policy=$policy; }
    step "install ${packages[*]}" sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" >/dev/null' sh "${packages[@]}"
  fi
  have cargo || fail "there is no cargo; install Rust 1.94 or newer with rustfmt and clippy"
  local left; left=$(missing_packages | tr '\n' ' ')
  [ -z "$left" ] || fail "still missing after the installation: $left"
}

# PostgreSQL refuses to run as root.
as_postgres() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

cleanup() {
  local code=$?
  trap - EXIT
  [ -z "$made_policy" ] || rm -f "$made_policy"
  if [ -n "$scratch" ]; then
    [ ! -f "$scratch/data/postmaster.pid" ] || as_postgres "$(postgres_bin)/pg_ctl" -D "$scratch/data" -m immediate -w stop >/dev/null 2>&1 || true
    rm -rf "$scratch"
  fi
  exit "$code"
}

# The accessibility checker of the browser tests: one file of an npm package, always the same. Offline: set HEARBACK_TEST_AXE
# to axe.min.js of that version.
fetch_axe() {
  local version=4.14.1 sum=e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745
  [ -z "${HEARBACK_TEST_AXE:-}" ] || { printf '    %s\n' "$HEARBACK_TEST_AXE"; return; }
  (cd "$scratch" && npm pack --silent "axe-core@$version" >/dev/null) || return 1
  printf '%s  %s\n' "$sum" "$scratch/axe-core-$version.tgz" | sha256sum --check --quiet || return 1
  tar -xzf "$scratch/axe-core-$version.tgz" -C "$scratch" package/axe.min.js || return 1
  export HEARBACK_TEST_AXE="$scratch/package/axe.min.js"
}

# A private server on a free port, durable as in production; gone when this script ends.
start_postgres() {
  local bin port; bin=$(postgres_bin)
  scratch=$(mktemp -d)
  (umask 077; head -c 18 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$scratch/password")
  [ "$(id -u)" != 0 ] || chown -R postgres "$scratch"
  as_postgres "$bin/initdb" -D "$scratch/data" -U hearback --auth=scram-sha-256 --pwfile="$scratch/password" -E UTF8 --locale=C >/dev/null || return 1
  for _ in $(seq 20); do
    port=$((20000 + RANDOM % 20000))
    if as_postgres "$bin/pg_ctl" -D "$scratch/data" -w -l "$scratch/log" \
      -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$scratch -c max_connections=300" start >/dev/null 2>&1; then
      export HEARBACK_TEST_POSTGRES="postgres://hearback:$(cat "$scratch/password")@127.0.0.1:$port/postgres"
      printf '    PostgreSQL %s on port %s\n' "$("$bin/postgres" -V | awk '{print $3}')" "$port"
      return
    fi
  done
  cat "$scratch/log" >&2
  return 1
}

# Moments at which programs that know the calendar go wrong, each in a zone: the ends of a year, a leap day, both changes of summer
# time (of Europe, where the tests have their customers, and of New Zealand), the last month of a quarter.
moments=(
  'UTC 2027-01-01 00:30:00' 'Pacific/Auckland 2028-02-29 12:00:00' 'UTC 2027-03-28 00:59:30' 'Pacific/Auckland 2027-04-04 02:59:30'
  'UTC 2026-11-30 12:00:00' 'Pacific/Auckland 2026-12-31 23:30:00' 'UTC 2028-02-29 12:00:00' 'Pacific/Auckland 2027-01-01 00:30:00'
  'UTC 2026-10-25 00:59:30' 'Pacific/Auckland 2027-09-26 01:59:30' 'UTC 2026-12-31 23:30:00' 'Pacific/Auckland 2026-11-30 12:00:00'
)

# The tests that know the calendar, at some of these moments: two a day, in turn, or all of them with HEARBACK_TEST_MOMENTS=all.
# What is shown differs from the real time by a fixed span, so that all processes agree; time that is measured stays real.
other_days() {
  local library host chosen=("${moments[@]}") moment zone begin
  library=$(find /usr/lib -name 'libfaketimeMT.so.1' | head -n 1)
  host=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
  if [ "${HEARBACK_TEST_MOMENTS:-}" != all ]; then
    begin=$(( $(date +%s) / 86400 * 2 % ${#moments[@]} ))
    chosen=("${moments[@]:begin:2}")
  fi
  for moment in "${chosen[@]}"; do
    zone=${moment%% *}
    local shift=$(( $(TZ=$zone date -d "${moment#* }" +%s) - $(date +%s) ))
    printf '    %s\n' "$moment"
    env "CARGO_TARGET_${host}_RUNNER=env TZ=$zone LD_PRELOAD=$library FAKETIME=$(printf '%+d' "$shift") FAKETIME_DONT_FAKE_MONOTONIC=1 DONT_FAKE_MONOTONIC=1" \
      cargo test --quiet --workspace --locked --features "$features" --lib --bins --tests -- \
      --skip jumped --skip two_clocks demo waves clocks zones own_data restored_wave browser_survey token calendar schedule || return 1
  done
}

trap cleanup EXIT
trap 'exit 130' INT TERM
step 'tools' install_missing
step 'format' cargo fmt --all --check
step 'lints' cargo clippy --workspace --all-targets --locked --features "$features" -- -D warnings
# With the tests, whose needs decide how everything is built: building without them would build it twice.
step 'build' cargo build --workspace --bins --tests --locked --features "$features"
step 'PostgreSQL' start_postgres
step 'accessibility checker' fetch_axe
step 'tests' cargo test --workspace --locked --features "$features"
step 'other days' other_days
step 'documentation' env RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked --features "$features"
printf '\nAll passed in %d s.\n' "$((SECONDS - started))"
