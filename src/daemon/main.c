#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "config.h"
#include "daemon/settings.h"
#include "daemon/daemon.h"

static const char usage[] =
	"Usage: viaductd [-c FILE] [OPTION]\n"
	"SIP proxy. Stays in the foreground and logs to stderr unless told\n"
	"otherwise.\n"
	"\n"
	"  -c, --config FILE   configuration (" VIADUCT_SYSCONFDIR
	"/viaduct.yaml)\n"
	"      --check         read and check the configuration, then exit\n"
	"      --print-config  print the effective configuration, secrets "
	"masked\n"
	"      --print-defaults  print every option with its default\n"
	"      --print-reference  print the options as a Markdown reference\n"
	"      --print-schema  print the JSON schema of the configuration\n"
	"      --version       print the version\n"
	"      --help          print this\n"
	"\n"
	"Signals: SIGHUP reload, SIGTERM and SIGINT drain and exit, SIGUSR1 "
	"reopen\n"
	"files and log the counters.\n"
	"Exit: 0 stopped as asked, 1 configuration, 2 usage, 3 could not "
	"start.\n";

enum mode {
	MODE_RUN,
	MODE_CHECK = 256,
	MODE_PRINT_CONFIG,
	MODE_PRINT_DEFAULTS,
	MODE_PRINT_REFERENCE,
	MODE_PRINT_SCHEMA,
	MODE_VERSION,
	MODE_HELP,
};

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"check", no_argument, NULL, MODE_CHECK},
	{"print-config", no_argument, NULL, MODE_PRINT_CONFIG},
	{"print-defaults", no_argument, NULL, MODE_PRINT_DEFAULTS},
	{"print-reference", no_argument, NULL, MODE_PRINT_REFERENCE},
	{"print-schema", no_argument, NULL, MODE_PRINT_SCHEMA},
	{"version", no_argument, NULL, MODE_VERSION},
	{"help", no_argument, NULL, MODE_HELP},
	{0},
};

/* --check and --print-config: what start does, but for opening anything. */
static int inspect(const char *path, bool print)
{
	struct config *c;

	if (config_load(path, false, &c) != 0)
		return EXIT_CONFIGURATION;
	config_warn(c, path);
	if (print)
		conf_print(config_options, &c->settings, stdout);
	snapshot_unref(&c->snapshot);
	return EXIT_STOPPED;
}

static int run(enum mode mode, const char *path)
{
	switch (mode) {
	case MODE_CHECK:
	case MODE_PRINT_CONFIG:
		return inspect(path, mode == MODE_PRINT_CONFIG);
	case MODE_PRINT_DEFAULTS:
		conf_print_defaults(config_options, stdout);
		return EXIT_STOPPED;
	case MODE_PRINT_REFERENCE:
		conf_print_reference(config_options, stdout);
		return EXIT_STOPPED;
	case MODE_PRINT_SCHEMA:
		conf_print_schema(config_options, stdout);
		return EXIT_STOPPED;
	case MODE_VERSION:
		puts("viaductd " PACKAGE_VERSION);
		return EXIT_STOPPED;
	case MODE_HELP:
		fputs(usage, stdout);
		return EXIT_STOPPED;
	case MODE_RUN:
		break;
	}
	return daemon_run(path);
}

int main(int argc, char **argv)
{
	const char *path = VIADUCT_SYSCONFDIR "/viaduct.yaml";
	enum mode mode = MODE_RUN;
	int c;

	while ((c = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		if (c == 'c') {
			path = optarg;
		} else if (c == '?') {
			fputs("Try viaductd --help.\n", stderr);
			return EXIT_USAGE;
		} else {
			mode = (enum mode)c;
		}
	}
	if (optind < argc) {
		fprintf(stderr,
			"viaductd: unexpected argument \"%s\"\n"
			"Try viaductd --help.\n",
			argv[optind]);
		return EXIT_USAGE;
	}
	return run(mode, path);
}
