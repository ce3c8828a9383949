#include "pin.h"

#include <bsd/readpassphrase.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static ssize_t read_again(int descriptor, char *buffer, size_t room)
{
    ssize_t got = 0;
    do {
        got = read(descriptor, buffer, room);
    } while (got < 0 && errno == EINTR);
    return got;
}

enum hsm_result pin_from_descriptor(int descriptor, struct secret_pin *out_pin)
{
    ERASED(secret_pin) struct secret_pin pin = {0};
    size_t used = 0;
    ssize_t got = 1;
    errno = 0;
    while (got > 0 && used < PIN_BYTES_MAX && memchr(pin.text, '\n', used) == NULL) {
        got = read_again(descriptor, pin.text + used, PIN_BYTES_MAX - used);
        if (got < 0)
            return HSM_PIN_UNREADABLE;
        used += (size_t)got;
    }
    if (used == PIN_BYTES_MAX && memchr(pin.text, '\n', used) == NULL)
        return HSM_PIN_UNREADABLE;
    size_t length = strcspn(pin.text, "\r\n");
    secret_wipe(pin.text + length, sizeof pin.text - length);
    pin.length = length;
    if (length == 0)
        return HSM_PIN_UNREADABLE;
    *out_pin = pin;
    return HSM_OK;
}

enum hsm_result pin_from_file(const char *path, struct secret_pin *out_pin)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0)
        return HSM_PIN_UNREADABLE;
    enum hsm_result rc = pin_from_descriptor(descriptor, out_pin);
    int saved = errno;
    close(descriptor);
    errno = saved;
    return rc;
}

enum hsm_result pin_from_terminal(const char *prompt, struct secret_pin *out_pin)
{
    ERASED(secret_pin) struct secret_pin pin = {0};
    if (readpassphrase(prompt, pin.text, sizeof pin.text, RPP_ECHO_OFF | RPP_REQUIRE_TTY) == NULL)
        return HSM_PIN_UNREADABLE;
    pin.length = strlen(pin.text);
    if (pin.length == 0)
        return HSM_PIN_UNREADABLE;
    *out_pin = pin;
    return HSM_OK;
}
