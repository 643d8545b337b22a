# Sourced by quickstart and check: Debian packages, installed only if missing.
# shellcheck shell=bash disable=SC2034

# Building, and the peers of a first call.
build_packages=(autoconf automake gcc make pkg-config libc6-dev libevent-dev
	libc-ares-dev libssl-dev libsqlite3-dev libwslay-dev libyaml-dev nsd
	openssl sip-tester)
# Testing on top of that.
test_packages=(clang clang-format libclang-rt-14-dev llvm libcmocka-dev valgrind
	libc6-dbg python3-pytest baresip-core prometheus iproute2 nftables)
# The web phone is built by node and npm, from wherever they are.
node_packages=()
command -v node >/dev/null && command -v npm >/dev/null || node_packages=(nodejs npm)
# Phones that are not ours, and what looks for accounts.
phone_packages=("${node_packages[@]}" chromium baresip-core linphone-cli
	sipsak sipvicious)

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

is_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# stop_services PACKAGE...: Debian starts a server that it installs; only the
# program was wanted.
stop_services() {
	local p
	[ -d /run/systemd/system ] || return 0
	for p in "$@"; do
		case $p in
		nsd | prometheus) as_root systemctl -q disable --now "$p" ;;
		esac
	done
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
	stop_services "${missing[@]}"
}
