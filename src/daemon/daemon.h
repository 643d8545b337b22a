/* The process from start to exit. */
#ifndef VIADUCT_DAEMON_DAEMON_H
#define VIADUCT_DAEMON_DAEMON_H

/* As in viaductd(8). */
enum exit_code {
	EXIT_STOPPED = 0,
	EXIT_CONFIGURATION = 1,
	EXIT_USAGE = 2,
	EXIT_START = 3,
};

/* Serve with this file until told to stop. Returns an exit code. */
int daemon_run(const char *config_path);

#endif
