# Sourced by quickstart and check: Debian packages, installed only if missing.
# shellcheck shell=bash disable=SC2034

# Building, and the peers of a first call.
build_packages=(autoconf automake gcc make pkg-config libc6-dev libevent-dev
	libc-ares-dev libssl-dev libsqlite3-dev libwslay-dev libyaml-dev nsd
	openssl sip-tester)
# Testing on top of that.
test_packages=(clang clang-format libclang-rt-14-dev llvm libcmocka-dev valgrind
	libc6-dbg python3-pytest baresip-core)

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

is_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# install_missing PACKAGE...
install_missing() {
	local missing=() p
	for p in "$@"; do
		is_installed "$p" || missing+=("$p")
	done
	[ ${#missing[@]} != 0 ] || return 0
	echo "Installing ${missing[*]}"
	as_root apt-get -qq update
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -qq -y --no-install-recommends install "${missing[@]}" >/dev/null
	# Debian starts a name server that it installs; this one was not wanted.
	if [[ " ${missing[*]} " == *" nsd "* && -d /run/systemd/system ]]; then
		as_root systemctl -q disable --now nsd
	fi
}
