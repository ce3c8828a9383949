/* What systemd is told (sd_notify(3)), when it started us with Type=notify. */
#ifndef NISIM_NISIMD_NOTIFY_H
#define NISIM_NISIMD_NOTIFY_H

/* "READY=1", "STOPPING=1". Without NOTIFY_SOCKET in the environment it does nothing. */
void notify_manager(const char *state);

#endif
