# Sourced by quickstart: --web.
# shellcheck shell=bash disable=SC2154

web=127.82.200.5 page=http://127.82.200.5:8000

make_certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-days 30 -subj /CN=biloxi.com -addext "subjectAltName=IP:$web" \
		-keyout "$run/key.pem" -out "$run/cert.pem" 2>"$run/openssl.out" ||
		die "openssl made no certificate: $(cat "$run/openssl.out")"
}

make_users() {
	alice_password=$(openssl rand -hex 4) bob_password=$(openssl rand -hex 4)
	cat >"$run/users.yaml" <<-YAML
		users:
		  alice: { password: "$alice_password" }
		  bob: { password: "$bob_password" }
	YAML
	chmod 600 "$run/users.yaml"
}

serve_page() {
	start page python3 -m http.server 8000 --bind $web --directory "$PWD/build/webphone/www"
	wait_for 5 grep -q ' 05C8527F:1F40 ' /proc/net/tcp || # 127.82.200.5:8000
		die "the page is not served: $(cat "$run/page.out")"
}

explain_web() {
	cat <<-TEXT

		== Open these two, in two tabs or two browsers, and sign in

		    $page/?account=alice@biloxi.com&server=ws://$web:8080
		        password $alice_password
		    $page/?account=bob@biloxi.com&server=ws://$web:8080
		        password $bob_password

		Then call bob from Alice's page, and allow the microphone.

		Encrypted: the certificate was made just now, so a browser has to be told.
		Open https://$web:8443/ once, accept the certificate (the page behind it
		is no more than an error), and sign in with the server wss://$web:8443.

		Other phones: user alice or bob, domain biloxi.com, proxy $web (UDP, TCP).
		What the daemon does: tail -f $run/web.log

		Ctrl-C ends it all.
	TEXT
}

run_web() {
	install_missing "${build_packages[@]}" "${node_packages[@]}" python3
	build
	say "Building the web phone in build/webphone"
	contrib/webphone/build >build/webphone.log 2>&1 ||
		die "the web phone was not built: $(tail -n 20 build/webphone.log)"
	make_run_directory
	make_certificate
	make_users
	start_proxy web
	daemon_pid=${pids[-1]}
	serve_page
	explain_web
	trap 'exit 0' INT TERM
	wait "$daemon_pid" || die "the daemon has ended; see $run/web.log"
}
